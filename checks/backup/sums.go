package backup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// sumsName is the file with the sums of all files of a folder.
const sumsName = "SHA256SUMS"

// sumLine is a line of sha256sum: the sum, a space, a space or a star, the name.
var sumLine = regexp.MustCompile(`^\\?([0-9A-Fa-f]{64})(?:[ \t]+\*?(.+))?$`)

// maxSums bounds how much of a file of sums is read, in bytes.
const maxSums = 8 << 20

// expectedSum returns the sum that stands beside a file; empty if none does.
func expectedSum(path string) (string, error) {
	for _, name := range []string{path + ".sha256", filepath.Join(filepath.Dir(path), sumsName)} {
		sum, err := findSum(name, filepath.Base(path), strings.HasSuffix(name, ".sha256"))
		if sum != "" || err != nil {
			return sum, err
		}
	}
	return "", nil
}

// findSum looks for the sum of base in a file; alone says that the file is of
// this one only, and need not name it.
func findSum(file, base string, alone bool) (string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the checksum: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxSums))
	for lines.Scan() {
		m := sumLine.FindStringSubmatch(strings.TrimSpace(lines.Text()))
		if m == nil {
			continue
		}
		if m[2] == "" && alone || filepath.Base(m[2]) == base {
			return strings.ToLower(m[1]), nil
		}
	}
	return "", lines.Err()
}
