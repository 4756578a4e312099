package syslog

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/syslog/dialect"
)

// BenchmarkMessage is what one message costs from the queue to the archive.
func BenchmarkMessage(b *testing.B) {
	cfg := archiveConfig()
	a, err := archive.Open(b.TempDir(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	set, err := dialect.Load()
	if err != nil {
		b.Fatal(err)
	}
	tab := newTable(Default(), set, time.UTC)
	w := &worker{table: tab, set: set, archive: a, notable: newNotable(), working: func(time.Time) bool { return true }, severe: func() {}}
	s := tab.of(netip4(10, 0, 0, 1))
	items := make([]item, share)
	size := 0
	for n := range items {
		items[n] = item{at: time.Now(), raw: fmt.Appendf(nil, "<190>Mar  1 12:00:00 2027 FW-1 %%%%10FILTER/6/FILTER_ZONE_EXECUTE: SrcZoneName(1025)=trust;DstZoneName(1035)=untrust;Protocol(1001)=TCP;SrcIPAddr(1003)=10.1.7.%d;SrcPort(1004)=%d;DstIPAddr(1007)=198.51.100.7;DstPort(1008)=443;MatchCount(1069)=1;Event(1048)=permit;", n, 1024+n)}
		size += len(items[n].raw)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		w.read(load{s, items})
	}
}
