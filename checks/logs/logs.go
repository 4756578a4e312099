// Package logs reviews the logs of this machine: everything is read once, as it
// is written, and what matters becomes a finding with the lines behind it (the
// plan's Art. 7: operating-system logs, access records).
//
// One tailer reads for all: the parts are consumers of its lines, and what they
// know is kept with its positions.
package logs

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/access"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/novelty"
	"xunjian/checks/logs/review"
	"xunjian/checks/logs/tail"
)

// Config says which logs are read and what is looked for. Start from Default.
type Config struct {
	// Sources are the logs; empty takes the usual ones that this machine has.
	Sources []tail.Source `yaml:"sources"`
	// Backlog is how many bytes of a log that is there at the first start are
	// read; 0 begins with what is written from then on.
	Backlog int64 `yaml:"backlog"`
	// Review is what is looked for in them.
	Review review.Config `yaml:"review"`
	// Access is how the records of web servers are read: sources whose kind is
	// access, or begins with access-.
	Access access.Config `yaml:"access"`
	// Novelty is what counts as a line such as has never been.
	Novelty novelty.Config `yaml:"novelty"`
}

// Default returns a Config that reviews the usual logs.
func Default() Config {
	return Config{Review: review.Default(), Access: access.Default(), Novelty: novelty.Default()}
}

// maxBacklog keeps a typing mistake from reading for hours.
const maxBacklog = 1 << 40

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var m mistakes
	m.nest("sources", "", tail.ValidateSources(c.Sources))
	if c.Backlog < 0 || c.Backlog > maxBacklog {
		m = append(m, fmt.Errorf("backlog: %d is out of range, 0 to %d bytes", c.Backlog, int64(maxBacklog)))
	}
	m.nest("review", ".", c.Review.Validate())
	m.nest("access", ".", c.Access.Validate())
	m.nest("novelty", ".", c.Novelty.Validate())
	return errors.Join(m...)
}

// Paths are the fields that hold paths, for a relative one to be told from the
// folder of the configuration.
func (c *Config) Paths() []*string { return c.Review.Paths() }

type mistakes []error

// nest adds the mistakes that are joined in err, below key.
func (m *mistakes) nest(key, dot string, err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return
	}
	for _, e := range joined.Unwrap() {
		*m = append(*m, fmt.Errorf("%s%s%w", key, dot, e))
	}
}

// Parts are what the room needs besides its configuration.
type Parts struct {
	// Dir is the folder for what has to survive; "" keeps nothing, and then
	// the checks look once at the end of each log.
	Dir string
	// Archive keeps the lines behind findings; nil keeps none.
	Archive *archive.Archive
	Zone    *time.Location
	Logger  *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Room is the checks of the logs with what reads for them.
type Room struct {
	Review *review.Review
	list   []checks.Check
}

// New builds the room. An error is that of the operator's pattern files.
//
// Each part that takes lines is subscribed to the tailer here and returns its
// check. The review runs the tailer; the others only take what it reads.
func New(cfg Config, parts Parts) (*Room, error) {
	sources := cfg.Sources
	if len(sources) == 0 {
		sources = Usual()
	}
	opt := tail.Options{Sources: sources, From: tail.Start{Back: cfg.Backlog}, Logger: parts.Logger, Now: parts.Now}
	if parts.Dir != "" {
		opt.Dir = filepath.Join(parts.Dir, "log-positions")
	} else {
		opt.From.Back = max(opt.From.Back, look)
	}
	t := tail.New(opt)
	// Whatever changes in the configuration of the room makes all its checks
	// new, since they share the tailer.
	identity := fmt.Sprintf("%+v %+v", cfg, sources)
	rp := review.Parts{Tailer: t, Sources: sources, Identity: identity, Once: parts.Dir == "", Zone: parts.Zone, Logger: parts.Logger, Now: parts.Now}
	if parts.Archive != nil {
		rp.Archive = parts.Archive
	}
	r, err := review.New(cfg.Review, rp)
	if err != nil {
		return nil, err
	}
	t.Subscribe(r)
	a, n := access.New(cfg.Access, parts.Now), novelty.New(cfg.Novelty, parts.Zone, parts.Now)
	if parts.Archive != nil {
		a.KeepIn(parts.Archive)
		n.KeepIn(parts.Archive)
	}
	t.Subscribe(a)
	t.Subscribe(n)
	return &Room{Review: r, list: []checks.Check{r, access.NewCheck(a, t, sources, identity), novelty.NewCheck(n, t, sources, identity)}}, nil
}

// Checks lists the checks of the room.
func (r *Room) Checks() []checks.Check { return r.list }

// look is how much of the end of each log a look without a daemon reads, in
// bytes.
const look = 16 << 20
