package devices

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/gosnmp/gosnmp"

	"xunjian/checks"
)

// ask is the check of one device.
type ask struct {
	dev          Device
	profiles     *Profiles
	interfaces   *regexp.Regexp
	exclude      *regexp.Regexp
	system, name string
}

func newAsk(d Device, p *Profiles) *ask {
	return &ask{
		dev: d, profiles: p, name: d.Name, system: d.System,
		interfaces: regexp.MustCompile(d.Interfaces), exclude: regexp.MustCompile(cmp.Or(d.Exclude, defaultExclude)),
	}
}

// Name is device/NAME.
func (a *ask) Name() string { return "device/" + a.name }

// Schedule is by the minute unless the configuration says otherwise. A device
// with many interfaces takes some seconds to answer.
func (a *ask) Schedule() checks.Schedule {
	every := cmp.Or(a.dev.Interval, defaultInterval)
	return checks.Schedule{Interval: every, Timeout: min(every*2/3, 30*time.Second), SeriesLimit: 20_000}
}

// Identity changes with everything that is configured.
func (a *ask) Identity() string { return fmt.Sprintf("%+v %d", a.dev, len(a.profiles.list)) }

// Run asks the device. One that does not answer is told as such and the check
// fails: what its interfaces and fans do is then unknown, not well.
func (a *ask) Run(ctx context.Context, out *checks.Output) error {
	s, err := a.dev.dial(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	about, err := s.scalars(oidObjectID, oidUptime, oidName, oidDescr)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer in time: %w", ctx.Err())
		}
		// The samples of a run that fails are dropped, so this is no error.
		out.Set(descUp, 0, a.name, a.system)
		out.Find(checks.Finding{Code: "device.silent", Subject: a.name, Verdict: checks.Unknown, Args: map[string]any{"address": a.dev.Address, "error": err.Error()}})
		return nil
	}
	out.Set(descUp, 1, a.name, a.system)
	p := a.profile(word(about[oidObjectID]))
	out.Set(descInfo, 1, a.name, a.system, p.ID, word(about[oidName]), word(about[oidDescr]))
	if v, ok := about[oidUptime]; ok {
		if up, ok := number(v); ok {
			out.Set(descUptime, up, a.name, a.system)
		}
	}
	seen, bad, down := 0, 0, 0
	for _, r := range a.profiles.readings(p) {
		n, faults, err := a.reading(s, r, out)
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", r.Of, a.name, err)
		}
		seen, bad = seen+n, bad+faults
	}
	links, down, err := a.links(s, out)
	if err != nil {
		return fmt.Errorf("read the interfaces of %s: %w", a.name, err)
	}
	if bad == 0 {
		out.Find(checks.Finding{Code: "device.well", Subject: a.name, Verdict: checks.OK, Args: map[string]any{
			"profile": p.Title, "interfaces": links, "down": down, "readings": seen,
		}})
	}
	return nil
}

func (a *ask) profile(objectID string) *Profile {
	if a.dev.Profile != "" {
		return a.profiles.byID(a.dev.Profile)
	}
	return a.profiles.match(objectID)
}

// table is what the columns of a reading hold.
type table struct {
	values, names, free, total, where, scale, digits map[string]gosnmp.SnmpPDU
	order                                            []string
}

func (s *session) table(r Reading) (t table, err error) {
	if t.values, t.order, err = s.walk(r.OID); err != nil || len(t.order) == 0 {
		return t, err
	}
	for _, c := range []struct {
		oid  string
		into *map[string]gosnmp.SnmpPDU
	}{{r.Name, &t.names}, {r.Free, &t.free}, {r.Total, &t.total}, {r.Where, &t.where}, {r.ScaleBy, &t.scale}, {r.Digits, &t.digits}} {
		if c.oid == "" {
			continue
		}
		if *c.into, _, err = s.walk(c.oid); err != nil {
			return t, err
		}
	}
	return t, nil
}

// reading reads one kind of figure, and says of states that are not in order.
// It returns how many components it saw and how many are not well.
func (a *ask) reading(s *session, r Reading, out *checks.Output) (seen, bad int, err error) {
	t, err := s.table(r)
	if err != nil {
		return 0, 0, err
	}
	m := metricOf[r.Of]
	names := map[string]int{}
	for _, index := range t.order {
		if r.Where != "" && !slices.Contains(r.Values, word(t.where[index])) {
			continue
		}
		part := cmp.Or(word(t.names[index]), index)
		if r.Part != "" && !r.part.MatchString(part) {
			continue
		}
		v, ok := t.value(r, index)
		if !ok {
			continue
		}
		if m.state {
			if slices.Contains(r.Absent, int(v)) {
				continue
			}
			code := int(v)
			if v = 1; !slices.Contains(r.Good, code) {
				v = 0
				bad++
				out.Find(checks.Finding{Code: "device." + r.Of, Subject: a.name, Verdict: checks.Abnormal, Args: map[string]any{"component": part, "code": code}})
			}
		}
		seen++
		if m.single {
			out.Set(m.desc, v, a.name, a.system)
			break
		}
		if names[part]++; names[part] > 1 {
			part += " #" + index // two of one name
		}
		out.Set(m.desc, v, a.name, a.system, part)
	}
	return seen, bad, nil
}

// value is the figure of a row in base units; false where the component has
// none.
func (t table) value(r Reading, index string) (float64, bool) {
	v, ok := number(t.values[index])
	if !ok || r.Above != nil && v <= *r.Above || r.Below != nil && v >= *r.Below {
		return 0, false
	}
	if r.Free != "" {
		free, ok := number(t.free[index])
		if !ok || v+free <= 0 {
			return 0, false
		}
		return v / (v + free), true
	}
	if r.Total != "" {
		total, ok := number(t.total[index])
		if !ok || total <= 0 {
			return 0, false
		}
		return v / total, true
	}
	if r.ScaleBy != "" {
		if power, ok := number(t.scale[index]); ok {
			v *= pow10(3 * (int(power) - 9))
		}
		if digits, ok := number(t.digits[index]); ok {
			v *= pow10(-int(digits))
		}
	}
	return v * r.Times, true
}

func pow10(n int) float64 {
	f, _ := strconv.ParseFloat("1e"+strconv.Itoa(max(-30, min(30, n))), 64)
	return f
}
