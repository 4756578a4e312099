package outlets

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/notify/channel"
)

// LastResort tells by what is left when every channel to people fails: a file
// in the data folder, and a message to whoever is logged in on this machine. The
// journal has every notice anyway.
type LastResort struct {
	// Failing is since when each channel fails; the zero time: it works.
	Failing func() map[string]time.Time
	// Queue lists what waits; Say puts a notice into words.
	Queue func(ctx context.Context, dead bool, limit int) ([]alerting.Notice, error)
	Say   func(ctx context.Context, n alerting.Notice) (channel.Message, error)
	// File is written to; Wall tells those who are logged in, nil: nobody.
	File string
	Wall func(ctx context.Context, text string) error
	Log  func(what string, err error)
	Now  func() time.Time

	told map[string]bool // incident/version
}

const (
	lastResortEvery = 30 * time.Second
	// allFailing is how long every channel has to fail.
	allFailing = 2 * time.Minute
	// lastResortMost is how large the file grows before it is put aside, in bytes.
	lastResortMost = 1 << 20
)

// Run looks every half minute until ctx is done.
func (l *LastResort) Run(ctx context.Context) error {
	t := time.NewTicker(lastResortEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			l.look(ctx)
		}
	}
}

// deaf reports whether there are channels to people and all of them fail.
func (l *LastResort) deaf() bool {
	ways := 0
	for name, since := range l.Failing() {
		if name == "journal" {
			continue
		}
		ways++
		if since.IsZero() || l.Now().Sub(since) < allFailing {
			return false
		}
	}
	return ways > 0
}

func (l *LastResort) look(ctx context.Context) {
	if !l.deaf() {
		l.told = nil
		return
	}
	list, err := l.Queue(ctx, false, 200)
	if err != nil {
		l.Log("read what waits", err)
		return
	}
	var lines []string
	for _, n := range list {
		key := fmt.Sprintf("%s/%d", n.Incident, n.Version)
		if l.told[key] || n.Kind == alerting.KindReport || n.Channel == "journal" {
			continue
		}
		m, err := l.Say(ctx, n)
		if err != nil {
			l.Log("say "+n.Key, err)
			continue
		}
		if l.told == nil {
			l.told = map[string]bool{}
		}
		l.told[key] = true
		lines = append(lines, m.At.Format(time.RFC3339)+"  "+m.Subject)
	}
	if len(lines) == 0 {
		return
	}
	if err := l.write(lines); err != nil {
		l.Log("write "+l.File, err)
	}
	if l.Wall == nil {
		return
	}
	const most = 10 // on somebody's terminal
	shown := lines[:min(len(lines), most)]
	if err := l.Wall(ctx, strings.Join(shown, "\n")); err != nil {
		l.Log("tell those who are logged in", err)
	}
}

func (l *LastResort) write(lines []string) error {
	if info, err := os.Stat(l.File); err == nil && info.Size() > lastResortMost {
		if err := os.Rename(l.File, l.File+".1"); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(l.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(strings.Join(lines, "\n") + "\n"); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// UndeliveredFile is the file's name in the data folder.
func UndeliveredFile(data string) string { return filepath.Join(data, "undelivered-notices.txt") }

// Wall returns what tells those who are logged in: the system's own wall; nil
// where there is none.
func Wall() func(ctx context.Context, text string) error {
	path, err := exec.LookPath("wall")
	if err != nil {
		return nil
	}
	return func(ctx context.Context, text string) error {
		wctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(wctx, path)
		cmd.Stdin = strings.NewReader("xunjian: no channel to people works\n" + text + "\n")
		return cmd.Run()
	}
}
