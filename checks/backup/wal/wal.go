// Package wal tells from the names in a WAL archive whether a recovery can run
// through it: no segment is missing on the way to the newest one, over changes
// of timeline too.
package wal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// DefaultSegment is the size of a segment where initdb was not told another, in
// bytes.
const DefaultSegment = 16 << 20

// Segment is one file of the log: its timeline, and its place counted in
// segments from the begin of the log.
type Segment struct {
	Timeline uint32
	Number   uint64
}

// Name is the file name of s where a segment has size bytes.
func (s Segment) Name(size uint64) string {
	per := perID(size)
	return fmt.Sprintf("%08X%08X%08X", s.Timeline, s.Number/per, s.Number%per)
}

// perID is how many segments share the middle eight digits of a name.
func perID(size uint64) uint64 { return (1 << 32) / size }

var (
	segmentName = regexp.MustCompile(`^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?(\.(gz|zst|xz|bz2|lz4))?$`)
	historyName = regexp.MustCompile(`^([0-9A-F]{8})\.history(\.(gz|zst|xz|bz2|lz4))?$`)
)

// ParseSegment reads a file name; partial is a segment that was cut short by a
// change of timeline or is being received, which counts for nothing.
func ParseSegment(name string, size uint64) (s Segment, partial, ok bool) {
	m := segmentName.FindStringSubmatch(name)
	if m == nil {
		return Segment{}, false, false
	}
	n := [3]uint64{}
	for i := range n {
		n[i], _ = strconv.ParseUint(m[i+1], 16, 32)
	}
	if n[0] == 0 || n[2] >= perID(size) {
		return Segment{}, false, false
	}
	return Segment{uint32(n[0]), n[1]*perID(size) + n[2]}, m[4] != "", true
}

// ParseHistoryName returns the timeline that a history file tells of.
func ParseHistoryName(name string) (uint32, bool) {
	m := historyName.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(m[1], 16, 32)
	return uint32(n), err == nil && n > 0
}

// Switch is where one timeline was left for the next, as a place in the log in
// bytes.
type Switch struct {
	Timeline uint32
	At       uint64
}

// ParseLSN reads a place in the log, like 0/3000060.
func ParseLSN(text string) (uint64, error) {
	high, low, ok := strings.Cut(text, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is no place in the log", text)
	}
	return h<<32 | l, nil
}

// ParseHistory reads a history file: the timelines before this one, the oldest
// first.
func ParseHistory(text []byte) ([]Switch, error) {
	var out []Switch
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 2 {
			return nil, fmt.Errorf("%q is no line of a timeline history", lines.Text())
		}
		n, err := strconv.ParseUint(fields[0], 10, 32)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is no timeline", fields[0])
		}
		at, err := ParseLSN(fields[1])
		if err != nil {
			return nil, err
		}
		if k := len(out); k > 0 && (out[k-1].Timeline >= uint32(n) || out[k-1].At > at) {
			return nil, errors.New("timelines are not in order")
		}
		out = append(out, Switch{uint32(n), at})
	}
	return out, lines.Err()
}

// Gap is a run of segments that are missing on one timeline.
type Gap struct {
	First Segment
	Count uint64
}

// Report is what an archive comes to.
type Report struct {
	// Last is the newest segment on the newest timeline; zero where there is
	// none.
	Last Segment
	// Chain counts the segments on the way to Last that are there.
	Chain int
	Gaps  []Gap
	// Missing counts the segments in Gaps.
	Missing uint64
	// NoHistory is the newest timeline if its history file is missing: nobody
	// can tell then how it hangs together with those before.
	NoHistory uint32
}

// Continuity follows the log from the oldest segment that is there to the
// newest. segments may be in any order; histories are the history files by
// timeline; size is that of a segment in bytes.
//
// What was pruned before the oldest segment is not missed, nor is what lies
// beyond the point where a timeline was left. Timelines that the newest does
// not descend from are of no use to a recovery and are left out.
func Continuity(segments []Segment, histories map[uint32][]Switch, size uint64) Report {
	var rep Report
	have := map[Segment]bool{}
	var newest uint32
	for _, s := range segments {
		have[s] = true
		newest = max(newest, s.Timeline)
	}
	if newest == 0 {
		return rep
	}
	parents, known := histories[newest]
	if newest > 1 && !known {
		rep.NoHistory = newest
	}
	numbers := map[uint32][]uint64{}
	for s := range have {
		numbers[s.Timeline] = append(numbers[s.Timeline], s.Number)
	}
	for _, n := range numbers {
		slices.Sort(n)
	}
	begun := false
	from := uint64(0) // the first number of the timeline at hand
	for _, p := range parents {
		rep.follow(p.Timeline, numbers[p.Timeline], from, p.At/size, &begun)
		from = p.At / size
	}
	last := numbers[newest]
	rep.Last = Segment{newest, last[len(last)-1]}
	rep.follow(newest, last, from, rep.Last.Number+1, &begun)
	return rep
}

// follow looks for the segments from ≤ n < to of one timeline. Before the first
// segment of all nothing is missed.
func (rep *Report) follow(timeline uint32, sorted []uint64, from, to uint64, begun *bool) {
	next := from
	for _, n := range sorted {
		if n < from || n >= to {
			continue
		}
		if *begun {
			rep.gap(timeline, next, n)
		}
		*begun = true
		rep.Chain++
		next = n + 1
	}
	if *begun {
		rep.gap(timeline, next, to)
	}
}

func (rep *Report) gap(timeline uint32, from, to uint64) {
	if from >= to {
		return
	}
	rep.Gaps = append(rep.Gaps, Gap{Segment{timeline, from}, to - from})
	rep.Missing += to - from
}

// HeaderSize is how much of a segment Header reads.
const HeaderSize = 40

// Header is what the first page of a segment says.
type Header struct {
	System  uint64 // which cluster wrote it
	Segment Segment
	Size    uint64
}

// ErrNoHeader is what a file that is no segment gives.
var ErrNoHeader = errors.New("not the begin of a WAL segment")

// ReadHeader reads the first HeaderSize bytes of a segment, as a little-endian
// machine wrote them.
func ReadHeader(b []byte) (Header, error) {
	const longHeader = 0x0002
	if len(b) < HeaderSize || b[1] != 0xD1 && b[1] != 0xD0 || binary.LittleEndian.Uint16(b[2:])&longHeader == 0 {
		return Header{}, ErrNoHeader
	}
	h := Header{System: binary.LittleEndian.Uint64(b[24:]), Size: uint64(binary.LittleEndian.Uint32(b[32:]))}
	if h.Size < 1<<20 || h.Size > 1<<30 || h.Size&(h.Size-1) != 0 {
		return Header{}, ErrNoHeader
	}
	h.Segment = Segment{binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:]) / h.Size}
	return h, nil
}
