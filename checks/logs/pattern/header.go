package pattern

import "bytes"

// Header is what syslog puts before a message.
type Header struct {
	Host, Program []byte
	// Body is where the message begins; 0 if the line has no header.
	Body int
}

func (h *Header) is(programs []string) bool {
	for _, p := range programs {
		if string(h.Program) == p {
			return true
		}
	}
	return false
}

// ParseHeader reads the header of a line as syslog daemons write it: "Nov 29
// 16:03:51 host sshd[123]: ", the same with an ISO time, RFC 5424, and the lines
// of the kernel's ring, "[12.345] ".
func ParseHeader(line []byte) Header {
	at := 0
	if len(line) > 3 && line[0] == '<' {
		if n := bytes.IndexByte(line[:min(len(line), 6)], '>'); n > 1 {
			at = n + 1
		}
		if rest := line[at:]; len(rest) > 2 && rest[0] >= '1' && rest[0] <= '9' && rest[1] == ' ' {
			return parse5424(line, at+2)
		}
	}
	rest := line[at:]
	switch {
	case len(rest) > 16 && rest[3] == ' ' && rest[6] == ' ' && rest[9] == ':' && rest[15] == ' ':
		at += 16
		if len(rest) > 21 && rest[20] == ' ' && rest[16] == '2' && rest[17] == '0' { // a year after the time
			at += 5
		}
	case len(rest) > 20 && rest[4] == '-' && rest[7] == '-' && (rest[10] == 'T' || rest[10] == ' ') && rest[13] == ':':
		n := bytes.IndexByte(rest[11:], ' ')
		if n < 0 {
			return Header{}
		}
		at += 11 + n + 1
	default:
		if n := uptime(rest); n > 0 {
			return Header{Program: kernel, Body: at + n}
		}
		return Header{}
	}
	return parseTag(line, at)
}

// parseTag reads "host program[pid]: ".
func parseTag(line []byte, at int) Header {
	rest := line[at:]
	n := bytes.IndexByte(rest, ' ')
	if n <= 0 {
		return Header{}
	}
	h := Header{Host: rest[:n]}
	tag := at + n + 1
	if tag >= len(line) {
		return Header{}
	}
	rest = line[tag:]
	i := 0
	for ; i < len(rest) && i < 128; i++ {
		if c := rest[i]; c == ':' || c == '[' || c == ' ' || c == '(' {
			break
		}
	}
	if i == 0 || i == len(rest) || rest[i] == ' ' {
		return Header{}
	}
	h.Program = rest[:i]
	if rest[i] != ':' {
		n := bytes.Index(rest[i:min(len(rest), i+64)], []byte(": "))
		if n < 0 {
			return Header{}
		}
		i += n
	}
	i++
	for i < len(rest) && rest[i] == ' ' {
		i++
	}
	h.Body = tag + i
	if string(h.Program) == "kernel" {
		h.Body += uptime(line[h.Body:])
	}
	// Programs are named with their folder or a suffix by some.
	if n := bytes.LastIndexByte(h.Program, '/'); n >= 0 && n+1 < len(h.Program) && h.Program[0] == '/' {
		h.Program = h.Program[n+1:]
	}
	return h
}

// parse5424 reads "time host app pid msgid [data] ", after the version.
func parse5424(line []byte, at int) Header {
	var fields [5][]byte
	for n := range fields {
		end := bytes.IndexByte(line[at:], ' ')
		if end < 0 {
			return Header{}
		}
		fields[n] = line[at : at+end]
		at += end + 1
	}
	if at < len(line) && line[at] == '[' {
		n := bytes.Index(line[at:], []byte("] "))
		if n < 0 {
			return Header{}
		}
		at += n + 2
	} else if bytes.HasPrefix(line[at:], []byte("- ")) {
		at += 2
	}
	return Header{Host: fields[1], Program: fields[2], Body: at}
}

var kernel = []byte("kernel")

// uptime is the length of the kernel's own time, "[12345.678901] ".
func uptime(line []byte) int {
	if len(line) < 6 || line[0] != '[' {
		return 0
	}
	for i := 1; i < len(line) && i < 24; i++ {
		switch c := line[i]; {
		case c == ' ' || c == '.' || c >= '0' && c <= '9':
		case c == ']' && i+1 < len(line) && line[i+1] == ' ':
			return i + 2
		default:
			return 0
		}
	}
	return 0
}
