package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"xunjian/checks/database/statement"
)

// How much of the server's log is evidence.
const (
	logTail  = 512 << 10
	logLines = 30
	lineCut  = 500 // bytes
)

// logPath learns where the server's log is, while it can still be asked.
func (w *watched) logPath(s *session, see *sight) error {
	const name = "log"
	if k, ok := w.slow[name]; ok && time.Since(k.at) < slowly || w.LogFile != "" || !w.local() {
		return nil
	}
	var data, folder, cluster string
	var collected bool
	err := s.QueryRow(context.Background(), `SELECT current_setting('data_directory'), current_setting('log_directory'), current_setting('logging_collector') = 'on', current_setting('cluster_name')`).Scan(&data, &folder, &collected, &cluster)
	w.slow[name] = kept{at: time.Now()}
	if err != nil {
		if s.IsClosed() {
			return err
		}
		return nil // evidence goes without the log then
	}
	file := ""
	switch version, instance, debian := strings.Cut(cluster, "/"); {
	case collected && filepath.IsAbs(folder):
		file = newest(folder)
	case collected:
		file = newest(filepath.Join(data, folder))
	case debian:
		file = filepath.Join("/var/log/postgresql", fmt.Sprintf("postgresql-%s-%s.log", filepath.Base(version), filepath.Base(instance)))
	}
	w.mu.Lock()
	w.log = file
	w.mu.Unlock()
	return nil
}

// newest is the log in a folder that was written last; empty if there is none or
// it cannot be read. pg_current_logfile would tell, but pg_monitor may ask it
// only from version 16 on.
func newest(folder string) string {
	names, _ := filepath.Glob(filepath.Join(folder, "*.log"))
	file, last := "", time.Time{}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.ModTime().After(last) {
			file, last = name, info.ModTime()
		}
	}
	return file
}

// local reports whether the server's files can be those of this machine.
func (w *watched) local() bool {
	ip := net.ParseIP(w.Host)
	return strings.HasPrefix(w.Host, "/") || w.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// knownLog is the log as configured or as the server said; empty if neither.
func (w *watched) knownLog() string {
	if w.LogFile != "" {
		return w.LogFile
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log
}

// grave marks lines that tell of an error, in the languages that a server of
// ours may speak.
var grave = regexp.MustCompile(`(?:^|[\s,\]])(ERROR|FATAL|PANIC|错误|致命错误|比致命错误还过分的错误):\s`)

// said marks what follows an error and repeats what people wrote.
var said = regexp.MustCompile(`:\s+"[^\n]*"`)

// lastErrors returns the last lines of the log that tell of errors, without
// the literals in them.
func lastErrors(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("is no regular file")
	}
	from := max(info.Size()-logTail, 0)
	b, err := io.ReadAll(io.NewSectionReader(f, from, logTail))
	if err != nil {
		return "", err
	}
	if from > 0 {
		if n := bytes.IndexByte(b, '\n'); n >= 0 {
			b = b[n+1:]
		}
	}
	var lines []string
	for line := range strings.Lines(string(b)) {
		if at := grave.FindStringSubmatchIndex(line); at != nil {
			lines = append(lines, plainLine(line, at[2]))
		}
	}
	return strings.Join(lines[max(len(lines)-logLines, 0):], "\n"), nil
}

// plainLine leaves the prefix of a line as it is and takes the literals out of
// what follows the word at at.
func plainLine(line string, at int) string {
	message := said.ReplaceAllString(strings.TrimSpace(line[at:]), `: "…"`)
	return strings.TrimRight(line[:at], " ") + " " + statement.Quoted(message, lineCut)
}
