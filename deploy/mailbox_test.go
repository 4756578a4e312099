package deploy_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// mailbox is a mail server that takes everything and keeps it.
type mailbox struct {
	address  string
	mu       sync.Mutex
	messages []message
}

type message struct {
	number              int
	from                string
	to                  []string
	subject, text, html string
}

func (m *mailbox) all() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]message(nil), m.messages...)
}

func startMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{address: l.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if err := m.serve(textproto.NewConn(conn)); err != nil && err != io.EOF {
					t.Errorf("receive a mail: %v", err)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return m
}

// serve speaks as much SMTP as Alertmanager does.
func (m *mailbox) serve(c *textproto.Conn) error {
	var got message
	answer := "220 mailbox"
	for {
		if err := c.PrintfLine("%s", answer); err != nil {
			return err
		}
		line, err := c.ReadLine()
		if err != nil {
			return err
		}
		verb, rest, _ := strings.Cut(line, ":")
		address, _, _ := strings.Cut(strings.Trim(rest, " <"), ">")
		answer = "250 ok"
		switch word, _, _ := strings.Cut(strings.ToUpper(verb), " "); word {
		case "MAIL":
			got = message{from: address}
		case "RCPT":
			got.to = append(got.to, address)
		case "DATA":
			if err := c.PrintfLine("354 go on"); err != nil {
				return err
			}
			raw, err := c.ReadDotBytes()
			if err != nil {
				return err
			}
			if err := got.parse(raw); err != nil {
				return err
			}
			m.keep(got)
		case "QUIT":
			return c.PrintfLine("221 bye")
		}
	}
}

func (m *mailbox) keep(got message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	got.number = len(m.messages)
	m.messages = append(m.messages, got)
}

// parse reads subject and both bodies as a mail program does.
func (g *message) parse(raw []byte) error {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if g.subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	for parts := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := parts.NextPart() // undoes quoted-printable
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			g.html = string(body)
		} else {
			g.text = string(body)
		}
	}
}
