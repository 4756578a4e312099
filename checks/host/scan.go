package host

import (
	"bytes"
	"strconv"
)

// cutLine splits b after its first line. The newline belongs to neither part.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// cutField splits b after its first word; blanks around it are dropped.
func cutField(b []byte) (field, rest []byte) {
	start := 0
	for start < len(b) && (b[start] == ' ' || b[start] == '\t') {
		start++
	}
	end := start
	for end < len(b) && b[end] != ' ' && b[end] != '\t' {
		end++
	}
	return b[start:end], b[end:]
}

// number reads a decimal number without sign that is all of b.
func number(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// numbers reads the leading words of line that are numbers into dst and
// returns how many there were.
func numbers(line []byte, dst []uint64) int {
	for i := range dst {
		var f []byte
		f, line = cutField(line)
		n, ok := number(f)
		if !ok {
			return i
		}
		dst[i] = n
	}
	return len(dst)
}

// float reads a decimal number, with sign and fraction, that is all of b but
// blanks around it.
func float(b []byte) (float64, bool) {
	v, err := strconv.ParseFloat(string(bytes.TrimSpace(b)), 64)
	return v, err == nil
}
