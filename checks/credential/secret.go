// Package credential is how checks come to the secrets that others ask them
// for: passwords, keys and certificates, from files or from systemd, read when
// they are used and shown to nobody.
package credential

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Secret is a text that is not to be seen: whatever prints it prints <secret>.
type Secret string

const masked = "<secret>"

// Format implements fmt.Formatter, for all verbs.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// String returns <secret>.
func (Secret) String() string { return masked }

// GoString returns <secret>.
func (Secret) GoString() string { return masked }

// MarshalText writes <secret>, in JSON and YAML too.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Reveal returns the text itself, for the one that has to be told it.
func (s Secret) Reveal() string { return string(s) }

// maxBytes bounds a file: nothing that people keep as a secret is longer.
const maxBytes = 8 << 10

// scheme marks the name of a systemd credential (LoadCredential= of the unit).
const scheme = "credential:"

// Path returns the file that ref names: ref itself, or for "credential:NAME"
// the file in the folder that systemd made for the unit.
func Path(ref string) (string, error) {
	name, ok := strings.CutPrefix(ref, scheme)
	if !ok {
		return ref, nil
	}
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return "", fmt.Errorf("%q names no credential; allowed: credential:NAME, as in LoadCredential=NAME:…", ref)
	}
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" {
		return "", fmt.Errorf("%s: this process was given no credentials; add LoadCredential=%s:/path/to/file to the unit", ref, name)
	}
	return filepath.Join(folder, name), nil
}

// Relative reports whether ref is a path that starts at the folder of the
// configuration file.
func Relative(ref string) bool {
	return ref != "" && !strings.HasPrefix(ref, scheme) && !filepath.IsAbs(ref)
}

// Read returns the one line that the file named by ref holds. The error never
// shows a part of it.
func Read(ref string) (Secret, error) {
	path, err := Path(ref)
	if err != nil {
		return "", err
	}
	b, err := readFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w; allowed: a file that the agent can read, with the secret as its only line", path, err)
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
	return Secret(s), nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	return b, plain(err)
}

// plain is the error without the words open and read and the path.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Mask takes secrets out of a text from outside before it is shown or kept: the
// other side may say back what it was sent.
func Mask(text string, secrets ...Secret) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, string(s), masked)
		}
	}
	return text
}
