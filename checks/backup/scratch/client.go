package scratch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"xunjian/checks/backup/archive"
	"xunjian/checks/backup/program"
)

// here is the folder of a socket as a client sees it that works there: the path
// of a socket may not be longer than 107 bytes, that of a folder may.
const here = "/proc/self/cwd"

// host runs the programs of an engine in its folder.
type host struct {
	dir  string // of the data
	who  *program.User
	log  io.Writer
	find func(name string) string
}

func (h *host) cmd(dir, name string, args ...string) program.Command {
	return program.Command{Path: h.find(name), Args: args, Dir: dir, User: h.who}
}

// do runs a program to its end; that it fails is an error.
func (h *host) do(ctx context.Context, c program.Command) (string, error) {
	out, err := c.Run(ctx)
	if err != nil {
		return "", err
	}
	_, _ = io.WriteString(h.log, out.Stderr.String())
	if out.Code != 0 {
		return "", fmt.Errorf("%s ended with code %d: %s", c.Path, out.Code, out.Stderr.Lines(3))
	}
	return out.Stdout.String(), nil
}

// feed gives a dump, decompressed, to a program and returns the errors that it
// says. An error of the dump itself is a *RestoreError as well.
func (h *host) feed(ctx context.Context, c program.Command, path string, said func(line string) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, free, err := archive.Decompress(f)
	if err != nil {
		return &RestoreError{1, err.Error()}
	}
	defer free()
	src := &source{r: plain}
	c.Stdin = src
	watch := &lines{log: h.log, said: said}
	p, err := c.Start(ctx, watch, watch)
	if err != nil {
		return err
	}
	code := p.Wait()
	watch.end()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case src.err != nil:
		return &RestoreError{watch.errors + 1, src.err.Error()}
	case watch.errors > 0:
		return &RestoreError{watch.errors, watch.first}
	case code != 0:
		return &RestoreError{1, fmt.Sprintf("%s ended with code %d: %s", c.Path, code, watch.last)}
	}
	return nil
}

// source keeps the error of a decompressor: the program sees only an end.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
		return n, io.EOF
	}
	return n, err
}

// maxLine bounds a line of what a program says.
const maxLine = 4 << 10

// lines logs what a program says and counts the lines that are errors.
type lines struct {
	log         io.Writer
	said        func(line string) bool
	rest        []byte
	errors      int
	first, last string
}

func (l *lines) Write(b []byte) (int, error) {
	_, _ = l.log.Write(b)
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			break
		}
		l.line(string(line))
		l.rest = rest
	}
	if len(l.rest) > maxLine {
		l.rest = l.rest[len(l.rest)-maxLine:]
	}
	return len(b), nil
}

func (l *lines) end() {
	if len(l.rest) > 0 {
		l.line(string(l.rest))
	}
}

func (l *lines) line(text string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	l.last = text
	if l.said(text) {
		if l.errors++; l.errors == 1 {
			l.first = text
		}
	}
}

// number reads what a query yields.
func number(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return int64(f), nil
	}
	return 0, fmt.Errorf("the query yields %.60q, not one number", text)
}
