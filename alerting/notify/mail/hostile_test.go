package mail_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile is a mail server that does what no good one does, at one word of the
// talk: GREETING, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, END (of the text).
type hostile struct {
	// at is the word, answer what is said to it; an empty answer is none ever,
	// "close" hangs up. Without a word nothing is ever said.
	at, answer string
	// cert and key make it speak TLS.
	cert, key string
	// drip sends the answers one byte at a time, with this pause.
	drip time.Duration

	address string
	mu      sync.Mutex
	heard   []string
	kept    int
}

func startHostile(t *testing.T, s *hostile) *hostile {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	over := make(chan struct{})
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				go func() { <-over; conn.Close() }()
				s.serve(conn, over)
			})
		}
	})
	t.Cleanup(func() {
		close(over)
		l.Close()
		serving.Wait()
	})
	return s
}

func (h *hostile) hears(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = append(h.heard, line)
}

// words are what was heard; taken how many texts were kept.
func (h *hostile) words() (all string, taken int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.heard, "\n"), h.kept
}

var errOver = errors.New("over")

// say answers a word, kindly unless it is the one.
func (h *hostile) say(conn net.Conn, over <-chan struct{}, word, kindly string) error {
	if h.at == "" {
		<-over
		return errOver
	}
	if word == h.at {
		switch kindly = h.answer; kindly {
		case "":
			<-over
			return errOver
		case "close":
			return errOver
		}
	}
	for b := range strings.SplitSeq(kindly+"\r\n", "") {
		if _, err := conn.Write([]byte(b)); err != nil {
			return err
		}
		if h.drip > 0 {
			select {
			case <-time.After(h.drip):
			case <-over:
				return errOver
			}
		}
	}
	return nil
}

func (h *hostile) serve(conn net.Conn, over <-chan struct{}) {
	if h.say(conn, over, "GREETING", "220 mx.example.org ready") != nil {
		return
	}
	c := textproto.NewReader(textproto.NewConn(conn).R)
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		h.hears(line)
		word, _, _ := strings.Cut(strings.ToUpper(line), " ")
		answer := map[string]string{
			"EHLO": "250-mx.example.org\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN", "STARTTLS": "220 go on", "AUTH": "235 2.7.0 welcome",
			"MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go on", "QUIT": "221 bye", "RSET": "250 ok",
		}[word]
		if word == "EHLO" && h.cert != "" {
			if _, secured := conn.(*tls.Conn); !secured {
				answer = "250-mx.example.org\r\n250 STARTTLS"
			}
		}
		if h.say(conn, over, word, answer) != nil {
			return
		}
		switch {
		case word == "STARTTLS":
			pair, err := tls.X509KeyPair([]byte(h.cert), []byte(h.key))
			if err != nil {
				return
			}
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}})
			c = textproto.NewReader(textproto.NewConn(conn).R)
		case word == "DATA" && (h.at != "DATA" || strings.HasPrefix(h.answer, "354")):
			if _, err := c.ReadDotBytes(); err != nil {
				return
			}
			h.mu.Lock()
			h.kept++
			h.mu.Unlock()
			if h.say(conn, over, "END", "250 2.0.0 taken") != nil {
				return
			}
		}
	}
}
