package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Verified is what a look at everything came to.
type Verified struct {
	// At is when the look was over.
	At time.Time `json:"at"`
	// Files, Blocks, Lines and Bytes are what was read and found whole; From and
	// To when the first and the last of these lines came.
	Files  int       `json:"files"`
	Blocks int       `json:"blocks"`
	Lines  uint64    `json:"lines"`
	Bytes  int64     `json:"bytes"`
	From   time.Time `json:"from,omitzero"`
	To     time.Time `json:"to,omitzero"`
	// Damage is what lies there and is not what was written, oldest first; More
	// counts what is beyond maxDamage.
	Damage []Damage `json:"damage"`
	More   int      `json:"more,omitempty"`
}

// Damage is one place of a file.
type Damage struct {
	// File is the name of the file in the folder; At where in it, Bytes how
	// much, 0 for what is not there.
	File  string `json:"file"`
	At    int64  `json:"at"`
	Bytes int64  `json:"bytes"`
	Why   Why    `json:"why"`
	// Lines is how many lines it cost; 0 if that cannot be told. They came
	// between From and To.
	Lines uint64    `json:"lines"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

// Why is what is wrong with a place.
type Why string

const (
	// Unreadable: what lies there is no block, or the disk does not give it.
	Unreadable Why = "unreadable"
	// Changed: a block whose digest is not that of what was written.
	Changed Why = "changed"
	// Missing: the block before is not the one that this one followed.
	Missing Why = "missing"
)

// maxDamage is how many places are named.
const maxDamage = 1000

// Verify reads every block, and holds it against its digest and against the one
// that the next block remembers. It says so where lines were changed, or taken
// out of the middle; that the newest were taken off the end it cannot tell. It
// waits after each block for rest times as long as it took, so that it need not
// disturb.
func (a *Archive) Verify(ctx context.Context, rest float64) (Verified, error) {
	a.mu.Lock()
	segs := make([]segment, len(a.segs))
	for n, s := range a.segs {
		segs[n] = *s
	}
	a.mu.Unlock()
	v := verifier{rest: rest}
	if err := v.all(ctx, segs); err != nil {
		return Verified{}, err
	}
	v.At = a.now()
	return v.Verified, nil
}

// VerifyFolder is Verify without an archive that is open: of the one in dir,
// which an agent may be writing, or of a copy of it. progress is told what is
// done of how many bytes; it may be nil.
func VerifyFolder(ctx context.Context, dir string, progress func(done, total int64)) (Verified, error) {
	found, err := segmentsIn(dir)
	if err != nil {
		return Verified{}, fmt.Errorf("verify the kept lines in %s: %w", dir, err)
	}
	segs := make([]segment, 0, len(found))
	total := int64(0)
	for _, s := range found {
		info, err := os.Stat(s.path)
		if err != nil {
			return Verified{}, fmt.Errorf("verify the kept lines in %s: %w", dir, err)
		}
		s.size = info.Size()
		total += s.size
		segs = append(segs, *s)
	}
	v := verifier{grows: true, progress: func(done int64) {
		if progress != nil {
			progress(done, total)
		}
	}}
	if err := v.all(ctx, segs); err != nil {
		return Verified{}, fmt.Errorf("verify the kept lines in %s: %w", dir, err)
	}
	v.At = time.Now()
	return v.Verified, nil
}

// verifier is one look under way.
type verifier struct {
	Verified
	rest     float64
	grows    bool // the last block of the last segment may be being written
	progress func(done int64)
	done     int64

	seg    *segment
	last   *digest // of the block before; nil where the chain begins
	next   uint64  // Seq that the next block begins with; 0: not known
	before int64   // when the last good line came, in ms
	lost   []gap   // since the last good block
	damage []Damage
}

func (v *verifier) all(ctx context.Context, segs []segment) error {
	for n := range segs {
		if n > 0 {
			v.before = max(v.before, segs[n-1].max)
		}
		following := uint64(0)
		if n+1 < len(segs) {
			following = segs[n+1].first
		}
		err := v.segment(ctx, &segs[n], v.grows && following == 0)
		switch {
		case errors.Is(err, fs.ErrNotExist) && (n == 0 || gone(segs[n-1].path)):
			v.last, v.next = nil, 0 // its time was over meanwhile
		case ctx.Err() != nil, errors.Is(err, fs.ErrPermission):
			return err
		case err != nil:
			v.gap(gap{0, segs[n].size, err, nil})
		}
		v.finish(following)
	}
	v.Damage, v.More = append([]Damage{}, v.damage...), max(0, len(v.damage)-maxDamage)
	v.Damage = v.Damage[:min(len(v.Damage), maxDamage)]
	return nil
}

func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func (v *verifier) segment(ctx context.Context, s *segment, grows bool) error {
	v.begin(s)
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	defer forget(f)
	v.Files++
	begun := time.Now()
	for fr, g := range walk(f, s.size) {
		if g != nil {
			v.gap(*g)
			continue
		}
		own, err := fr.whole(f)
		if err != nil {
			v.gap(gap{fr.at, fr.at + fr.size, err, fr})
		} else {
			v.link(fr)
			v.good(fr)
			v.last = &own
		}
		v.done += fr.size
		if v.progress != nil {
			v.progress(v.done)
		}
		if err := pause(ctx, time.Duration(v.rest*float64(time.Since(begun)))); err != nil {
			return err
		}
		begun = time.Now()
	}
	if n := len(v.lost); grows && n > 0 && v.lost[n-1].fr == nil && v.lost[n-1].end == s.size {
		whole, err := settles(ctx, f, v.lost[n-1].at)
		if err != nil {
			return err
		}
		if whole {
			v.lost = v.lost[:n-1]
		}
	}
	return nil
}

// settles reports whether what is no block at the end of the file becomes one:
// it was just being written.
func settles(ctx context.Context, f *os.File, at int64) (bool, error) {
	for range 10 {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return false, err
		}
		info, err := f.Stat()
		if err != nil {
			return false, err
		}
		if _, err := readFrame(f, at, info.Size()); err == nil {
			return true, nil
		}
	}
	return false, nil
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// link holds a good block against the one before it.
func (v *verifier) link(fr *frame) {
	if v.last == nil || len(v.lost) > 0 || fr.prev == *v.last {
		return
	}
	d := v.place(gap{at: fr.at, end: fr.at}, Missing, fr.min)
	if v.next > 0 && fr.first > v.next {
		d.Lines = fr.first - v.next
	}
	v.damage = append(v.damage, d)
}

// good takes note of a block that is what was written, and with it of what was
// lost before it.
func (v *verifier) good(fr *frame) {
	v.name(fr.min, fr.first)
	v.Blocks++
	v.Lines += uint64(fr.count)
	v.Bytes += fr.size
	if from := time.UnixMilli(fr.min); v.From.IsZero() || from.Before(v.From) {
		v.From = from
	}
	if to := time.UnixMilli(fr.max); to.After(v.To) {
		v.To = to
	}
	v.next, v.before = fr.end(), fr.max
}

// gap takes note of what is lost. The chain begins anew behind it.
func (v *verifier) gap(g gap) {
	v.lost, v.last = append(v.lost, g), nil
}

// finish names what is lost at the end of a segment; next is the Seq that the
// one after it begins with, 0 if there is none.
func (v *verifier) finish(next uint64) {
	if len(v.lost) > 0 {
		_, end := v.seg.bounds()
		v.name(end, next)
		v.next = 0
	}
}

// begin takes up a segment.
func (v *verifier) begin(s *segment) {
	v.seg, v.next = s, cmp.Or(v.next, s.first)
}

// name says what the gaps since the last good block cost. What a block says of
// itself holds where it says anything; of the rest, the Seqs around tell: next is
// that of the line after, 0 if it is not known.
func (v *verifier) name(until int64, next uint64) {
	rest := uint64(0)
	if v.next > 0 && next > v.next {
		rest = next - v.next
	}
	for _, g := range v.lost {
		if g.fr != nil {
			rest -= min(rest, uint64(g.fr.count))
		}
	}
	for _, g := range v.lost {
		d := v.place(g, Unreadable, until)
		if g.fr != nil {
			d.Why, d.Lines, d.From, d.To = Changed, uint64(g.fr.count), time.UnixMilli(g.fr.min), time.UnixMilli(g.fr.max)
		} else {
			d.Lines, rest = rest, 0
		}
		v.damage = append(v.damage, d)
	}
	v.lost = v.lost[:0]
}

func (v *verifier) place(g gap, why Why, until int64) Damage {
	from, _ := v.seg.bounds()
	from = min(max(from, v.before), until)
	return Damage{File: filepath.Base(v.seg.path), At: g.at, Bytes: g.end - g.at, Why: why, From: time.UnixMilli(from), To: time.UnixMilli(until)}
}

// bounds are the first and the last instant of the segment's day, in ms.
func (s *segment) bounds() (from, to int64) {
	day, err := time.Parse(time.DateOnly, s.day)
	if err != nil {
		return s.min, s.max
	}
	return day.UnixMilli(), day.AddDate(0, 0, 1).UnixMilli() - 1
}

// verifiedName holds what the last whole look came to, so that a start neither
// begins it anew nor forgets it.
const verifiedName = "verified.json"

// noteVerified takes what a look came to as what is known of damage.
func (a *Archive) noteVerified(v Verified) {
	a.mu.Lock()
	a.verified, a.damage = v, map[spot]Damage{}
	a.tell(v.Damage)
	a.mu.Unlock()
	name := filepath.Join(a.dir, verifiedName)
	data, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(name+".new", data, 0o640)
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil { // known now, and not after a restart
		a.log.Warn("what was verified cannot be recorded", "file", name, "err", err)
	}
}

// recallVerified reads what the last look came to. A record that does not read
// is as good as none.
func (a *Archive) recallVerified() {
	data, err := os.ReadFile(filepath.Join(a.dir, verifiedName))
	if err != nil || json.Unmarshal(data, &a.verified) != nil {
		a.verified = Verified{}
		return
	}
	for _, d := range a.verified.Damage {
		if !gone(filepath.Join(a.dir, d.File)) {
			a.damage[spot{d.File, d.At}] = d
		}
	}
}

// spot is where something is damaged.
type spot struct {
	file string
	at   int64
}

// damaged takes note of a place that cannot be read; the lock is held.
func (a *Archive) damaged(d Damage) bool {
	if _, known := a.damage[spot{d.File, d.At}]; known || len(a.damage) >= maxDamage {
		return false
	}
	a.damage[spot{d.File, d.At}] = d
	return true
}

// Damages lists what is known to be damaged, oldest first: by the last Verify,
// and by what searches met since.
func (a *Archive) Damages() []Damage {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Damage, 0, len(a.damage))
	for _, d := range a.damage {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Damage) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.At, b.At)) })
	return out
}
