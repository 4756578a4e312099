package mail_test

import (
	"bytes"
	"encoding/base64"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"regexp"
	"strings"
	"testing"
)

// letter is a mail as a mail program shows it.
type letter struct {
	header     mail.Header
	subject    string
	text, html string
}

// read takes a mail apart and insists on its form: two parts, the plain one
// first, everything in ASCII and in short lines on the way.
func read(t *testing.T, raw []byte) letter {
	t.Helper()
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes: %.80q…", len(line), line)
		}
	}
	if i := bytes.IndexFunc(raw, func(r rune) bool { return r > 126 || r < ' ' && r != '\t' && r != '\n' && r != '\r' }); i >= 0 {
		t.Errorf("not ASCII at byte %d: %.80q", i, raw[max(0, i-40):])
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	l := letter{header: m.Header}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("it is %s, %v", m.Header.Get("Content-Type"), err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for i, want := range []string{"text/plain", "text/html"} {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || kind != want || !strings.EqualFold(params["charset"], "utf-8") || p.Header.Get("Content-Transfer-Encoding") != "base64" {
			t.Errorf("part %d is %v, %v", i, p.Header, err)
		}
		b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil {
			t.Fatal(err)
		}
		*[]*string{&l.text, &l.html}[i] = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
	if _, err := parts.NextRawPart(); err != io.EOF {
		t.Errorf("after two parts: %v", err)
	}
	return l
}

var (
	headOfPage = regexp.MustCompile(`(?s)<head>.*</head>`)
	href       = regexp.MustCompile(`<a href="([^"]*)"[^>]*>([^<]*)</a>`)
	tag        = regexp.MustCompile(`<[^>]*>`)
	spaces     = regexp.MustCompile(`[\s：:]+`)
)

// said is what a reader of the page reads, links written out, without spaces
// and colons: what the plain text must say too.
func (l letter) said() (page, text string) {
	s := headOfPage.ReplaceAllString(l.html, "")
	s = tag.ReplaceAllString(href.ReplaceAllString(s, "$2 $1"), " ")
	return spaces.ReplaceAllString(html.UnescapeString(s), ""), spaces.ReplaceAllString(l.text, "")
}

func (l letter) address(t *testing.T, field string) mail.Address {
	t.Helper()
	list, err := l.header.AddressList(field)
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %v %v", field, list, err)
	}
	return *list[0]
}
