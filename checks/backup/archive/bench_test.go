package archive_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"testing"

	"xunjian/checks/backup/archive"
)

// BenchmarkRead is how fast a backup is read to its end, in bytes of the file.
func BenchmarkRead(b *testing.B) {
	var plain bytes.Buffer
	plain.WriteString("-- PostgreSQL database dump\n")
	noise := make([]byte, 16)
	for plain.Len() < 16<<20 {
		_, _ = rand.Read(noise)
		plain.WriteString("投标文件 ")
		plain.WriteString(string(bytes.ToValidUTF8(noise, []byte("x"))))
		plain.WriteByte('\n')
	}
	plain.WriteString("-- PostgreSQL database dump complete\n")
	for _, c := range compressors {
		file := compressed(b, plain.Bytes(), c.program, c.args...)
		b.Run(c.program, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := archive.Read(context.Background(), bytes.NewReader(file), archive.Want{Format: archive.PgDump, Name: "x" + c.ending}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
