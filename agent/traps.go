package agent

import (
	"fmt"
	"strings"

	"xunjian/checks/devices"
	"xunjian/checks/logs/archive"
)

// trapKind is the archive.Record.Kind of traps.
const trapKind = "trap"

// trapKeeper keeps traps where the other lines of devices lie.
type trapKeeper struct{ archive *archive.Archive }

// Keep makes a line of a trap.
func (k trapKeeper) Keep(t devices.Received) bool {
	r := archive.Record{
		Received: t.At, Source: t.Device, Kind: trapKind, App: "snmptrap", Severity: archive.Notice, Event: t.Event,
		Fields: map[string]string{"sender": t.Address},
	}
	if r.Source == "" {
		r.Source = t.Address
	}
	if t.Bad {
		r.Severity = archive.Warning
	}
	var text strings.Builder
	fmt.Fprintf(&text, "SNMP trap %s %s from %s:", t.Event, t.OID, t.Address)
	for _, v := range t.Values {
		fmt.Fprintf(&text, " %s=%q", v.OID, v.Text)
	}
	r.Text = text.String()
	return k.archive.Append([]archive.Record{r}) == 1
}
