package mail

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

//go:embed layout.html
var layoutText string

// compose makes the mail. It is the same at every attempt, byte for byte where
// nothing is attached and nothing signed.
func (c *Channel) compose(m channel.Message) (*gomail.Msg, error) {
	m = m.Lines()
	id := c.id("notice", m.Incident.Host, m.Key)
	thread := "<" + c.id("incident", m.Incident.Host, m.Incident.ID) + ">"
	options := []gomail.MsgOption{gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent()}
	if len(m.Pictures)+len(m.Files) == 0 && c.signer == nil {
		// Only what needs no quotes: the library sets none. Parts within parts
		// need boundaries of their own, which it makes.
		options = append(options, gomail.WithBoundary("xunjian"+id[:40]))
	}
	letter := gomail.NewMsg(options...)
	letter.FromMailAddress(&mail.Address{Name: channel.OneLine(c.from.Name), Address: c.from.Address})
	letter.ToMailAddress(&mail.Address{Name: m.Person.Name, Address: m.Person.Mail})
	letter.Subject(m.Subject)
	letter.SetMessageIDWithValue(id)
	letter.SetDateWithValue(m.At)
	// The first mail of an incident differs from reader to reader, so that the
	// thread hangs on an id that no mail has; programs sort by it all the same.
	letter.SetGenHeader(gomail.HeaderReferences, thread)
	letter.SetGenHeader(gomail.HeaderInReplyTo, thread)
	// No holiday notice, no receipt, no answer by a list.
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetGenHeader("X-Auto-Response-Suppress", "All")
	letter.SetGenHeader("Content-Language", m.Lang)
	letter.SetGenHeader("X-Xunjian-Incident", channel.OneLine(m.Incident.ID))
	if grave(m.Incident) {
		letter.SetGenHeader(gomail.HeaderImportance, "high")
	}
	page := m.Page
	if page == "" {
		var err error
		if page, err = c.htmlOf(m); err != nil {
			return nil, err
		}
	}
	letter.SetBodyString(gomail.TypeTextPlain, textOf(m))
	letter.AddAlternativeString(gomail.TypeTextHTML, page)
	for _, p := range m.Pictures {
		name, _, _ := strings.Cut(p.Name, "@")
		if err := letter.EmbedReader(name+".png", bytes.NewReader(p.Body), gomail.WithFileContentID("<"+p.Name+">"), gomail.WithFileContentType(gomail.ContentType(p.Type))); err != nil {
			return nil, fmt.Errorf("picture %s: %w", p.Name, err)
		}
	}
	for _, f := range m.Files {
		if err := letter.AttachReader(channel.OneLine(f.Name), bytes.NewReader(f.Body), gomail.WithFileContentType(gomail.ContentType(f.Type))); err != nil {
			return nil, fmt.Errorf("attach %s: %w", f.Name, err)
		}
	}
	if c.signer == nil {
		return letter, nil
	}
	if err := letter.SignWithTLSCertificate(c.signer); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return letter, nil
}

// id makes an id of a mail from what it stands for. The server's name is in
// it, since two servers may give an incident the same id.
func (c *Channel) id(kind string, of ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	_, domain, _ := strings.Cut(c.from.Address, "@")
	return hex.EncodeToString(sum[:20]) + "." + kind + "@" + domain
}

func grave(i channel.Incident) bool {
	return !i.Drill && !i.Over && (i.Level == plan.LevelI || i.Level == plan.LevelII)
}

// textOf says in plain text what htmlOf says.
func textOf(m channel.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", m.Subject, m.Text)
	if len(m.Facts) > 0 {
		b.WriteByte('\n')
	}
	colon := ": "
	if m.Lang != "en" {
		colon = "："
	}
	for _, f := range m.Facts {
		fmt.Fprintf(&b, "%s%s%s\n", f.Name, colon, f.Value)
	}
	if m.Answer != "" {
		fmt.Fprintf(&b, "\n%s%s%s\n", m.AnswerText, colon, m.Answer)
	}
	if m.Link != "" {
		fmt.Fprintf(&b, "\n%s%s%s\n", m.LinkText, colon, m.Link)
	}
	return b.String()
}

// colours are those of the levels, dark enough for white letters.
var colours = map[plan.Level]template.CSS{plan.LevelI: "#b42318", plan.LevelII: "#c4500c", plan.LevelIII: "#a06a00", plan.LevelIV: "#1f5fa8"}

func (c *Channel) htmlOf(m channel.Message) (string, error) {
	colour := colours[m.Incident.Level]
	if m.Incident.Over || colour == "" {
		colour = "#4a5560"
	}
	var b bytes.Buffer
	err := c.layout.Execute(&b, struct {
		channel.Message
		Paragraphs []string
		Colour     template.CSS
	}{m, strings.Split(m.Text, "\n"), colour})
	return b.String(), err
}
