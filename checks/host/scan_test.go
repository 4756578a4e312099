//go:build linux

package host

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumber(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "42": 42, "18446744073709551615": math.MaxUint64} {
		if n, ok := number([]byte(text)); !ok || n != want {
			t.Errorf("%q is read as %d, %v", text, n, ok)
		}
	}
	for _, bad := range []string{"", "-1", "1.5", "0x1", " 1", "123456789012345678901"} {
		if n, ok := number([]byte(bad)); ok {
			t.Errorf("%q is taken for %d", bad, n)
		}
	}
}

// Whatever the blanks between them, the words are found as strings.Fields does.
func TestCutField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringOf(rapid.SampledFrom([]rune{'a', '1', ' ', '\t'})).Draw(t, "line")
		var got []string
		for rest := []byte(line); ; {
			var f []byte
			if f, rest = cutField(rest); len(f) == 0 {
				break
			}
			got = append(got, string(f))
		}
		if want := strings.Fields(line); !slices.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", line, got, want)
		}
	})
}

func TestCutLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune{'a', '\n'})).Draw(t, "text")
		var got []string
		for line, rest := []byte(nil), []byte(text); len(rest) > 0; {
			line, rest = cutLine(rest)
			got = append(got, string(line))
		}
		var want []string
		for line := range strings.Lines(text) {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", text, got, want)
		}
	})
}

// A file longer than the buffer is read whole, and one shorter after it does
// not show what was before.
func TestReadAll(t *testing.T) {
	dir := t.TempDir()
	var r reader
	for _, size := range []int{100_000, 3, 0, 8 << 10, 16 << 10} {
		want := strings.Repeat("x", size)
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := r.all(path); err != nil || string(b) != want {
			t.Errorf("of %d bytes %d are read, %v", size, len(b), err)
		}
	}
	if _, err := r.all(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := r.all(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: %v, want an error that names it", err)
	}
}

func TestReadValue(t *testing.T) {
	dir := t.TempDir()
	var r reader
	for text, want := range map[string]float64{"7\n": 7, "-1\n": -1, " 2.5 ": 2.5} {
		put(t, dir, "v", text)
		if v, ok := r.value(dir + "/v"); !ok || v != want {
			t.Errorf("%q is read as %v, %v", text, v, ok)
		}
	}
	for _, bad := range []string{"", "max\n", "1 2"} {
		put(t, dir, "v", bad)
		if v, ok := r.value(dir + "/v"); ok {
			t.Errorf("%q is taken for %v", bad, v)
		}
	}
}
