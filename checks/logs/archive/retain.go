package archive

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/shirou/gopsutil/v3/disk"
)

// Forced is a deletion before its time, because the budget was used up.
type Forced struct {
	// At is when it was done; From and To are the times of the lines that went.
	At    time.Time `json:"at"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Lines uint64    `json:"lines"`
	Bytes int64     `json:"bytes"`
}

// forcedName is the record of what was deleted before its time: a line of JSON
// for each file.
const forcedName = "deleted-early.jsonl"

// retain deletes what is old enough, and what is over the budget.
func (a *Archive) retain() {
	a.mu.Lock()
	over := a.bytes > a.cfg.BudgetBytes
	a.mu.Unlock()
	now := a.now()
	if !over && now.Sub(a.w.checked) < time.Minute && !now.Before(a.w.checked) {
		return
	}
	a.w.checked = now
	for {
		s, early := a.deletable(now)
		if s == nil {
			return
		}
		if err := a.delete(s, early, now); err != nil {
			a.log.Error("old lines cannot be deleted", "err", err)
			return
		}
	}
}

// deletable is the oldest segment if it has to go, and whether that is before
// its time. The one that is written to stays.
func (a *Archive) deletable(now time.Time) (*segment, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.segs) < 2 {
		return nil, false
	}
	s := a.segs[0]
	old := now.Sub(time.UnixMilli(s.max)) > a.cfg.Keep
	if old {
		return s, false
	}
	if a.bytes > a.cfg.BudgetBytes {
		return s, true
	}
	return nil, false
}

func (a *Archive) delete(s *segment, early bool, now time.Time) error {
	f := Forced{At: now, From: time.UnixMilli(s.min), To: time.UnixMilli(s.max), Lines: s.lines(), Bytes: s.size}
	if early {
		// First on the record, then deleted: nothing goes silently.
		if err := writeForced(a.dir, f); err != nil {
			return err
		}
		a.log.Error("lines were deleted before their time: the budget of the archive is used up",
			"from", f.From, "to", f.To, "lines", f.Lines, "budget_bytes", a.Config().BudgetBytes)
	}
	if err := s.remove(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.segs = a.segs[1:]
	a.bytes -= s.size
	maps.DeleteFunc(a.damage, func(where spot, _ Damage) bool { return where.file == filepath.Base(s.path) })
	if early {
		a.forced = f
	}
	return nil
}

func writeForced(dir string, d Forced) error {
	line, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, forcedName), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("record a deletion: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// readForced returns the last early deletion on record.
func readForced(dir string) (Forced, error) {
	f, err := os.Open(filepath.Join(dir, forcedName))
	if errors.Is(err, fs.ErrNotExist) {
		return Forced{}, nil
	} else if err != nil {
		return Forced{}, err
	}
	defer f.Close()
	var last Forced
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var d Forced
		if json.Unmarshal(lines.Bytes(), &d) == nil { // the last may be cut off
			last = d
		}
	}
	return last, lines.Err()
}

func freeBytes(dir string) (int64, error) {
	u, err := disk.Usage(dir)
	if err != nil {
		return 0, err
	}
	return int64(u.Free), nil
}
