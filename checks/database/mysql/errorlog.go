package mysql

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"xunjian/checks"
)

// How much of the end of an error log is shown.
const (
	logTail  = 32 << 10
	logLines = 40
)

// logExhibit shows the end of the server's error log, if it lies on this
// machine and may be read.
func (c *check) logExhibit() (checks.Exhibit, bool) {
	path := c.logPath()
	if path == "" {
		return checks.Exhibit{}, false
	}
	text, err := tail(path)
	if err != nil || text == "" {
		return checks.Exhibit{}, false
	}
	return checks.Exhibit{Code: "mysql.evidence.log", Text: text, Args: map[string]any{"server": c.label, "path": path}}, true
}

// logPath is where the log is: where the configuration says, or where the
// server of this machine said that it writes.
func (c *check) logPath() string {
	if c.cfg.LogFile != "" {
		return c.cfg.LogFile
	}
	seen := c.remembered()
	path := seen.errorLog
	switch {
	case !c.cfg.here(), path == "", path == "stderr":
		return ""
	case filepath.IsAbs(path):
		return path
	case seen.dataDir == "":
		return ""
	}
	return filepath.Join(seen.dataDir, path)
}

// tail returns the last lines of a file. It reads regular files only: the path
// comes from a server.
func tail(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New(path + " is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	from := max(info.Size()-logTail, 0)
	b, err := io.ReadAll(io.NewSectionReader(f, from, logTail))
	if err != nil {
		return "", err
	}
	if from > 0 { // the first line is cut
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	lines = lines[max(len(lines)-logLines, 0):]
	for i, line := range lines {
		lines[i] = plainMessage(line)
	}
	return checks.SafeText(strings.Join(lines, "\n"), checks.MaxEvidence), nil
}
