package notify

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

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
	line := OneLine(m.Subject) + " | " + OneLine(m.Text)
	if m.To != "" {
		line = "→ " + OneLine(m.To) + ": " + line
	}
	if j.prefix {
		line = fmt.Sprintf("<%d>%s", priority(m), line)
	}
	_, err := io.WriteString(j.w, line+"\n")
	return err
}

// maxLine bounds a part of the line, in characters.
const maxLine = 2000

// OneLine makes a text from outside one that cannot begin another line, steer
// a terminal, or turn the direction of what follows.
func OneLine(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			space = n > 0
			continue
		}
		if n >= maxLine {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// priority in syslog's numbers: alert for the gravest, notice for an end.
func priority(m Message) int {
	if m.Incident.Ended() {
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
