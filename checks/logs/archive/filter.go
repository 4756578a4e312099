package archive

// filter has a bit for each three letters in a row that occur in a block, in
// ASCII lower case. A block of half a megabyte sets about a third of its 65,536
// bits, so that a word of ten letters that is not there is nearly always ruled
// out without reading the block.
type filter []byte

const (
	filterBits  = 1 << 16
	filterBytes = filterBits / 8
)

func newFilter(raw []byte) filter {
	f := make(filter, filterBytes)
	var h uint32
	for i, c := range raw {
		h = h<<8&0xffffff | uint32(lower(c))
		if i >= 2 {
			n := place(h)
			f[n>>3] |= 1 << (n & 7)
		}
	}
	return f
}

// place is the bit of three letters: Fibonacci hashing, which spreads what
// differs in one letter only.
func place(h uint32) uint32 { return h * 0x9E3779B1 >> 16 }

// may reports whether a block can contain a word in lower case.
func (f filter) may(word string) bool {
	if len(f) != filterBytes {
		return true
	}
	var h uint32
	for i := range len(word) {
		h = h<<8&0xffffff | uint32(word[i])
		if n := place(h); i >= 2 && f[n>>3]&(1<<(n&7)) == 0 {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// lowered returns b in ASCII lower case, in buf if it is large enough. Other
// scripts stay as they are, byte for byte.
func lowered(b, buf []byte) []byte {
	if cap(buf) < len(b) {
		buf = make([]byte, len(b))
	}
	buf = buf[:len(b)]
	for i, c := range b {
		buf[i] = lower(c)
	}
	return buf
}
