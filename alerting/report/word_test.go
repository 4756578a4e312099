package report_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// python is the one that Debian's python3-docx belongs to, whatever other
// Python stands in PATH.
const python = "/usr/bin/python3"

// script runs a script of testdata; python3-docx is in .ci/packages.
func script(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(python, append([]string{filepath.Join("testdata", name)}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "PYTHONDONTWRITEBYTECODE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\nis python3-docx installed (make packages)?", python, name, err, stderr.String())
	}
	return out
}

// letter is a .docx as python3-docx reads it.
type letter struct {
	Paragraphs, Styles, Header, Footer, Bold []string
	EvenFooter                               []string `json:"even_footer"`
	EvenHeader                               []string `json:"even_header"`
	Tables                                   [][][]string
	PageMM                                   []int `json:"page_mm"`
	Title                                    string
}

func readLetter(t *testing.T, docx []byte) letter {
	t.Helper()
	return readLetters(t, map[string][]byte{"letter.docx": docx})["letter.docx"]
}

// readLetters reads many at once, since a Python takes its time to start.
func readLetters(t *testing.T, docx map[string][]byte) map[string]letter {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for name, b := range docx {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	out := map[string]letter{}
	if err := json.Unmarshal(script(t, "read_letter.py", files...), &out); err != nil {
		t.Fatal(err)
	}
	if len(out) != len(docx) {
		t.Fatalf("python-docx read %d of %d letters", len(out), len(docx))
	}
	return out
}

func (l letter) all() string { return strings.Join(l.Paragraphs, "\n") }

// members unpacks a .docx.
func members(t *testing.T, docx []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(docx), int64(len(docx)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = b
	}
	return out
}

// wellFormed walks a whole XML document.
func wellFormed(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := walkXML(b); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func walkXML(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// wellPacked holds a .docx to the rules of its packaging: every part is
// well-formed and has a content type, every relation leads to a part, every
// used relation exists.
func wellPacked(t *testing.T, docx []byte) {
	t.Helper()
	parts := members(t, docx)
	var types struct {
		Default []struct {
			Extension string `xml:",attr"`
		}
		Override []struct {
			PartName string `xml:",attr"`
		}
	}
	if err := xml.Unmarshal(parts["[Content_Types].xml"], &types); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"[Content_Types].xml": true}
	for _, o := range types.Override {
		known[strings.TrimPrefix(o.PartName, "/")] = true
		if parts[strings.TrimPrefix(o.PartName, "/")] == nil {
			t.Errorf("content type for %s, which is not there", o.PartName)
		}
	}
	for name, b := range parts {
		wellFormed(t, name, b)
		if path.Ext(name) == ".rels" {
			relations(t, parts, name, b)
			continue
		}
		if !known[name] {
			t.Errorf("%s has no content type of its own", name)
		}
	}
}

func relations(t *testing.T, parts map[string][]byte, name string, b []byte) {
	t.Helper()
	var rels struct {
		Relationship []struct {
			Id, Target string `xml:",attr"`
		}
	}
	if err := xml.Unmarshal(b, &rels); err != nil {
		t.Fatal(err)
	}
	source := path.Join(path.Dir(path.Dir(name)), strings.TrimSuffix(path.Base(name), ".rels"))
	have := map[string]bool{}
	for _, r := range rels.Relationship {
		have[r.Id] = true
		if target := path.Join(path.Dir(path.Dir(name)), r.Target); parts[target] == nil {
			t.Errorf("%s: %s leads to %s, which is not there", name, r.Id, target)
		}
	}
	for _, use := range strings.Split(string(parts[source]), `r:id="`)[1:] {
		if id, _, _ := strings.Cut(use, `"`); !have[id] {
			t.Errorf("%s uses %s, which %s does not have", source, id, name)
		}
	}
}
