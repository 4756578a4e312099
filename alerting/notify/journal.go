package notify

import (
	"context"
	"fmt"
	"io"
	"sync"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

// Journal writes each notice as one line, with the priority that systemd's
// journal reads from a "<n>" in front. It is the channel that always works.
type Journal struct {
	mu sync.Mutex
	w  io.Writer
	// prefix says whether the priority is written: it is noise on a terminal.
	prefix bool
}

// NewJournal returns a Journal that writes to w.
func NewJournal(w io.Writer, prefix bool) *Journal { return &Journal{w: w, prefix: prefix} }

// Name returns "journal".
func (j *Journal) Name() string { return "journal" }

// Deliver writes the line.
func (j *Journal) Deliver(_ context.Context, m Message) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	line := channel.OneLine(m.Subject) + " | " + channel.OneLine(m.Text)
	if m.To != "" {
		line = "→ " + channel.OneLine(m.To) + ": " + line
	}
	if j.prefix {
		line = fmt.Sprintf("<%d>%s", priority(m), line)
	}
	_, err := io.WriteString(j.w, line+"\n")
	return err
}

// priority in syslog's numbers: alert for the gravest, notice for an end.
func priority(m Message) int {
	if m.Incident.Over {
		return 5
	}
	switch m.Incident.Level {
	case plan.LevelI:
		return 1
	case plan.LevelII:
		return 2
	case plan.LevelIII:
		return 3
	}
	return 4
}
