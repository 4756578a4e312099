package archive

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// traffic is what a firewall says of its sessions, the bulk of what devices
// send.
func traffic(n int) []Record {
	out := make([]Record, n)
	at := time.UnixMilli(1_800_000_000_000)
	for i := range out {
		out[i] = Record{
			Received: at.Add(time.Duration(i) * time.Millisecond), Said: at, Source: "核心防火墙", Kind: "syslog", Severity: Info, Facility: 24,
			Host: "FW-1", App: "FILTER",
			Text: fmt.Sprintf("<190>Mar  1 12:00:00 2027 FW-1 %%%%10FILTER/6/FILTER_ZONE_EXECUTE: SrcZoneName(1025)=trust;DstZoneName(1035)=untrust;Protocol(1001)=TCP;SrcIPAddr(1003)=10.1.%d.%d;SrcPort(1004)=%05d;DstIPAddr(1007)=198.51.100.%d;DstPort(1008)=443;MatchCount(1069)=1;Event(1048)=permit;", i>>8&255, i&255, i*7919&0xffff, i%250),
		}
	}
	return out
}

// BenchmarkAppend is what taking one line in costs the one who brings it.
func BenchmarkAppend(b *testing.B) {
	a, err := Open(b.TempDir(), Config{Keep: MinKeep, BudgetBytes: minBudget, Sync: time.Minute}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	lines := traffic(64)
	b.ReportAllocs()
	b.SetBytes(int64(len(lines[0].Text)))
	for n := 0; b.Loop(); n++ {
		if n%len(lines) != 0 {
			continue
		}
		for a.Append(lines) < len(lines) { // memory is full: the disk's turn
			b.StopTimer()
			time.Sleep(time.Millisecond)
			b.StartTimer()
		}
	}
}

// BenchmarkEncode is what one full block costs the writer, beside the disk.
func BenchmarkEncode(b *testing.B) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(blockSize))
	if err != nil {
		b.Fatal(err)
	}
	blk := newBlock(1)
	for _, r := range traffic(blockSize / 256) {
		blk.add(&r)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(blk.raw)))
	size := 0
	for b.Loop() {
		data, _ := encodeFrame(blk, enc, digest{})
		size = len(data)
	}
	b.ReportMetric(float64(len(blk.raw))/float64(size), "times-smaller")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*blk.count), "ns/line")
}
