package devices

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/gosnmp/gosnmp"

	"xunjian/checks"
)

// links reads the interfaces, and returns how many there are and how many of
// those that should be up are not.
func (a *ask) links(s *session, out *checks.Output) (links, down int, err error) {
	t, err := s.interfaces()
	if err != nil {
		return 0, 0, err
	}
	for _, index := range t.order {
		descr, name := word(t.descr[index]), word(t.name[index])
		if name == "" {
			name = descr
		}
		if !a.interfaces.MatchString(name) || a.exclude.MatchString(name) {
			continue
		}
		links++
		labels := []string{a.name, a.system, index, name, word(t.alias[index]), descr}
		for _, c := range t.columns {
			if v, ok := number(c.rows[index]); ok {
				out.Set(c.desc, v, labels...)
			}
		}
		if t.is(oidIfAdmin, index, 1) && !t.is(oidIfOper, index, 1) {
			down++
		}
	}
	return links, down, nil
}

// ifTable are the interfaces of a device, by ifIndex.
type ifTable struct {
	order              []string
	descr, name, alias map[string]gosnmp.SnmpPDU
	columns            []ifValues
}

type ifValues struct {
	column
	rows map[string]gosnmp.SnmpPDU
}

func (t *ifTable) is(oid, index string, want float64) bool {
	n := slices.IndexFunc(t.columns, func(c ifValues) bool { return c.oid == oid })
	v, ok := number(t.columns[n].rows[index])
	return ok && v == want
}

func (s *session) interfaces() (*ifTable, error) {
	t := &ifTable{}
	var err error
	if t.descr, t.order, err = s.walk(oidIfDescr); err != nil {
		return nil, err
	}
	if t.name, _, err = s.walk(oidIfName); err != nil {
		return nil, err
	}
	if t.alias, _, err = s.walk(oidIfAlias); err != nil {
		return nil, err
	}
	for _, c := range ifColumns {
		rows, _, err := s.walk(c.oid)
		if err != nil {
			return nil, err
		}
		t.columns = append(t.columns, ifValues{c, rows})
	}
	n := slices.IndexFunc(t.columns, func(c ifValues) bool { return c.oid == oidIfHCIn })
	if len(t.columns[n].rows) == 0 {
		for _, c := range []column{ifOldIn, ifOldOut} {
			rows, _, err := s.walk(c.oid)
			if err != nil {
				return nil, err
			}
			t.columns = append(t.columns, ifValues{c, rows})
		}
	}
	return t, nil
}

// maxEvidence is how many interfaces a table of evidence has.
const maxEvidence = 100

// Evidence is how the interfaces of the device stand now: those that should be
// up and are not come first.
func (a *ask) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	s, err := a.dev.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	about, err := s.scalars(oidName, oidDescr, oidUptime)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %w", a.dev.Address, err)
	}
	up, _ := number(about[oidUptime])
	out := []checks.Exhibit{{Code: "device.evidence.about", Columns: []string{"sysName", "sysDescr", "sysUpTime"},
		Rows: [][]string{{word(about[oidName]), word(about[oidDescr]), strconv.FormatFloat(up/100, 'f', 0, 64) + " s"}}}}
	t, err := s.interfaces()
	if err != nil {
		return out, err
	}
	status := map[float64]string{1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown"}
	column := func(oid, index string) float64 {
		n := slices.IndexFunc(t.columns, func(c ifValues) bool { return c.oid == oid })
		v, _ := number(t.columns[n].rows[index])
		return v
	}
	var bad, rest [][]string
	for _, index := range t.order {
		row := []string{index, word(t.name[index]), word(t.alias[index]), status[column(oidIfAdmin, index)], status[column(oidIfOper, index)],
			strconv.FormatFloat(column(ifColumns[3].oid, index), 'f', 0, 64), strconv.FormatFloat(column(ifColumns[5].oid, index), 'f', 0, 64)}
		if t.is(oidIfAdmin, index, 1) && !t.is(oidIfOper, index, 1) {
			bad = append(bad, row)
		} else {
			rest = append(rest, row)
		}
	}
	rows := append(bad, rest...)
	return append(out, checks.Exhibit{
		Code: "device.evidence.interfaces", Columns: []string{"ifIndex", "ifName", "ifAlias", "ifAdminStatus", "ifOperStatus", "ifInErrors", "ifOutErrors"},
		Rows: rows[:min(len(rows), maxEvidence)],
	}), nil
}
