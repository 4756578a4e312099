// Package secret reads the files that hold passwords, keys and addresses with
// a token in them. What they hold is read when it is needed and kept nowhere,
// so that a changed one holds from the next notice on.
package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxBytes bounds a file: nothing that people keep as a secret is longer.
const maxBytes = 8 << 10

// Read returns the one line that a file holds. The error never shows a part
// of it.
func Read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w; allowed: a file that the agent can read, with the secret as its only line", path, plain(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w; allowed: a file that the agent can read, with the secret as its only line", path, plain(err))
	}
	s := string(bytes.TrimRight(b, "\r\n"))
	switch {
	case len(b) > maxBytes:
		return "", fmt.Errorf("%s holds more than %d bytes; allowed: the secret as its only line", path, maxBytes)
	case strings.TrimSpace(s) == "":
		return "", fmt.Errorf("%s is empty; put the secret there as its only line", path)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return "", fmt.Errorf("%s holds more than one line of text; allowed: the secret as its only line, in UTF-8", path)
	}
	return s, nil
}

// plain is the error without the words open and read and the path.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Exposed says who else can read or change a file; empty if nobody can but its
// owner and its group, by which a service reads what root owns.
func Exposed(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	switch mode := info.Mode().Perm(); {
	case mode&0o007 != 0:
		return fmt.Sprintf("%s is open to every user of this machine (mode %04o); do: chmod 600 %[1]s, or 640 where the agent reads it by its group", path, mode)
	case mode&0o020 != 0:
		return fmt.Sprintf("%s can be changed by its group (mode %04o); do: chmod 640 %[1]s", path, mode)
	}
	return ""
}

// Mask takes secrets out of a text from outside before it is shown or kept: the
// other side may say back what it was sent.
func Mask(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "<secret>")
		}
	}
	return text
}
