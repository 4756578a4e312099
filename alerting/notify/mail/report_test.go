package mail_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os/exec"
	"strings"
	"testing"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/notifytest"
)

// leaf is a part of a mail that has no parts.
type leaf struct {
	within             string // the kinds it stands in, outermost first
	kind, id, disposed string
	body               []byte
}

// leaves takes a mail apart to its last part.
func leaves(t *testing.T, within, contentType string, header func(string) string, r io.Reader) (out []leaf) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("%q: %v", contentType, err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, r))
		if err != nil {
			t.Fatal(err)
		}
		return []leaf{{within, kind, header("Content-Id"), header("Content-Disposition"), body}}
	}
	parts := multipart.NewReader(r, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, leaves(t, within+kind+" ", p.Header.Get("Content-Type"), p.Header.Get, p)...)
	}
}

// report: text and page as alternatives, the page's pictures beside it, the
// paper attached, byte for byte what was given.
func (p *postfix) report(t *testing.T) {
	cfg := p.config(t)
	cfg.Security = mail.StartTLS
	m := notifytest.Message(notifytest.Place{Person: wang}, "zh-CN", 7)
	m.Page = `<html><body><p>每周巡检</p><img src="cid:chart1@xunjian"><img src="cid:chart2@xunjian"></body></html>`
	for n, id := range []string{"chart1@xunjian", "chart2@xunjian"} {
		m.Pictures = append(m.Pictures, channel.File{Name: id, Type: "image/png", Body: bytes.Repeat([]byte{0x89, 'P', byte(n), 0, '\r', '\n'}, 4000)})
	}
	m.Files = []channel.File{{Name: "RND-20261123-001-1.pdf", Type: "application/pdf", Body: bytes.Repeat([]byte("%PDF\x00\xff\n"), 9000)}}
	before := len(p.received(t))
	deliver(t, open(t, cfg), m)
	raw := p.arrived(t, before+1)
	letter, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	got := leaves(t, "", letter.Header.Get("Content-Type"), letter.Header.Get, letter.Body)
	const mixed, related, alternative = "multipart/mixed ", "multipart/related ", "multipart/alternative "
	want := []leaf{
		{within: mixed + related + alternative, kind: "text/plain"},
		{within: mixed + related + alternative, kind: "text/html", body: []byte(m.Page)},
		{within: mixed + related, kind: "image/png", id: "<chart1@xunjian>", disposed: "inline", body: m.Pictures[0].Body},
		{within: mixed + related, kind: "image/png", id: "<chart2@xunjian>", disposed: "inline", body: m.Pictures[1].Body},
		{within: mixed, kind: "application/pdf", disposed: "attachment", body: m.Files[0].Body},
	}
	if len(got) != len(want) {
		t.Fatalf("%d parts, want %d: %.300v", len(got), len(want), got)
	}
	for n, w := range want {
		g := got[n]
		if g.within != w.within || g.kind != w.kind || w.id != "" && g.id != w.id || !strings.HasPrefix(g.disposed, w.disposed) || w.body != nil && !bytes.Equal(g.body, w.body) {
			t.Errorf("part %d is %s in %s, id %q, %q, %d bytes; want %s in %s, id %q, %d bytes", n, g.kind, g.within, g.id, g.disposed, len(g.body), w.kind, w.within, w.id, len(w.body))
		}
	}
	if !strings.Contains(got[4].disposed, "RND-20261123-001-1.pdf") {
		t.Errorf("attached as %q", got[4].disposed)
	}
}

// signed: a mail with pictures and a paper, and one without, as they arrive at
// the server are found whole by OpenSSL, and one that somebody changed is not.
func (p *postfix) signed(t *testing.T) {
	cfg := p.config(t)
	cfg.Security = mail.StartTLS
	cfg.SignCertificateFile, cfg.SignKeyFile = signer(t, "xunjian@example.org")
	plain, paper := notifytest.Message(notifytest.Place{Person: wang}, "zh-CN", 8), notifytest.Message(notifytest.Place{Person: wang}, "en", 9)
	paper.Page = `<html><body><p>每周巡检</p><img src="cid:chart1@xunjian"></body></html>`
	paper.Pictures = []channel.File{{Name: "chart1@xunjian", Type: "image/png", Body: bytes.Repeat([]byte{0x89, 'P', 0, '\r', '\n'}, 4000)}}
	paper.Files = []channel.File{{Name: "RND-20261123-001-1.pdf", Type: "application/pdf", Body: bytes.Repeat([]byte("%PDF\x00\xff\n"), 9000)}}
	verify := func(raw []byte) ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), "openssl", "cms", "-verify", "-CAfile", cfg.SignCertificateFile, "-purpose", "smimesign")
		cmd.Stdin = bytes.NewReader(raw)
		return cmd.CombinedOutput()
	}
	for _, m := range []channel.Message{plain, paper} {
		before := len(p.received(t))
		deliver(t, open(t, cfg), m)
		raw := p.arrived(t, before+1)
		// As the mail program has it: without what the servers wrote above.
		if !bytes.Contains(raw, []byte("multipart/signed")) {
			t.Fatalf("not signed:\n%.2000s", raw)
		}
		out, err := verify(raw)
		if err != nil || !bytes.Contains(out, []byte("erification successful")) {
			t.Errorf("%v\n%.300s", err, out)
		}
		if len(m.Files) > 0 && !bytes.Contains(out, []byte("RND-20261123-001-1.pdf")) {
			t.Error("the paper is not among what is signed")
		}
		changed := bytes.Replace(raw, []byte("text/html"), []byte("text/htmx"), 1)
		if out, err := verify(changed); err == nil {
			t.Errorf("a changed mail is found whole: %.300s", out)
		}
	}
}
