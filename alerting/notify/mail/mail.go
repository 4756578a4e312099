package mail

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
	"xunjian/alerting/roster"
)

// The limits of a delivery; the worker's own is over all of it.
const (
	connectWithin = 10 * time.Second
	answerWithin  = 20 * time.Second
	// byeWithin is for the farewell, after everything is decided.
	byeWithin = time.Second
)

// Channel sends mail to the people who have an address.
type Channel struct {
	cfg        Config
	host, port string
	from       *mail.Address
	signer     *tls.Certificate // nil: mails are not signed
	layout     *template.Template
	within     time.Duration // for an answer
	resolver   *net.Resolver // nil: the machine's
}

// New returns the channel of a configuration that is valid and names a server.
func New(cfg Config) (*Channel, error) {
	host, port, err := net.SplitHostPort(cfg.Server)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	from, err := parseFrom(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("sender of mails: %w", err)
	}
	signer, err := cfg.signer()
	if err != nil {
		return nil, err
	}
	layout, err := template.New("mail").Parse(layoutText)
	if err != nil {
		return nil, fmt.Errorf("layout of mails: %w", err)
	}
	return &Channel{cfg: cfg, host: host, port: port, from: from, signer: signer, layout: layout, within: answerWithin}, nil
}

// Name returns "mail".
func (c *Channel) Name() string { return "mail" }

// Reaches reports whether the person has an address.
func (c *Channel) Reaches(p roster.Person) bool { return p.Mail != "" }

// Deliver hands the mail over to the server. nil means that the server has
// taken it on.
func (c *Channel) Deliver(ctx context.Context, m channel.Message) error {
	if m.Person.Mail == "" {
		return &channel.Permanent{Err: fmt.Errorf("mail to %s: the roster has no address; give mail: to the person", m.Recipient)}
	}
	letter, err := c.compose(m)
	if err != nil {
		return &channel.Permanent{Err: fmt.Errorf("mail to %s: %w", m.Person.Mail, err)}
	}
	password := ""
	if c.cfg.Username != "" {
		if password, err = secret.Read(c.cfg.PasswordFile); err != nil {
			return fmt.Errorf("password of the mail server: %w", err)
		}
	}
	if err := c.send(ctx, letter, password); err != nil {
		return c.fault(ctx, m.Person.Mail, err, password)
	}
	return nil
}

// send speaks with the server. What it says after it took the mail on is of no
// concern: a second mail would be worse.
func (c *Channel) send(ctx context.Context, letter *gomail.Msg, password string) error {
	line := &line{ctx: ctx, within: c.within}
	defer line.Close()
	client, err := c.client(line, letter, password)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	err = client.SendWithSMTPClient(session, letter)
	if letter.IsDelivered() {
		err = nil
	}
	line.hurry(byeWithin)
	_ = session.Quit()
	return err
}

func (c *Channel) client(line *line, letter *gomail.Msg, password string) (*gomail.Client, error) {
	roots, err := post.Roots(c.cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	protection := &tls.Config{ServerName: c.host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	port, err := strconv.Atoi(c.port)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: connectWithin, Resolver: c.resolver}
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		line.take(conn)
		if c.cfg.Security != TLS {
			return line, nil
		}
		secured := tls.Client(line, protection)
		return secured, secured.HandshakeContext(ctx)
	}
	policy := map[string]gomail.TLSPolicy{
		StartTLS: gomail.TLSMandatory,
		// Secured before the library sees it: it must only find out.
		TLS:   gomail.TLSOpportunistic,
		Plain: gomail.NoTLS,
	}[c.cfg.Security]
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(time.Minute), gomail.WithDialContextFunc(dial),
		gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(protection), gomail.WithoutNoop(), gomail.WithoutRset(),
	}
	if to, err := letter.GetRecipients(); err == nil && isASCII(to...) {
		// Asked for without need, it makes a relay send the mail back where the
		// next server does not know of it.
		options = append(options, gomail.WithoutSMTPUTF8())
	}
	if c.cfg.Username != "" {
		options = append(options, gomail.WithUsername(c.cfg.Username), gomail.WithPassword(password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return gomail.NewClient(c.host, options...)
}

// fault says what an error comes to. Only a refusal of this recipient or of
// this text is for ever. What is refused before (login, sender, encryption) or
// by a rule of the server can be mended there or in the configuration, and the
// notice then still goes out.
func (c *Channel) fault(ctx context.Context, to string, err error, password string) error {
	said := secret.Mask(err.Error(), password,
		base64.StdEncoding.EncodeToString([]byte(password)),
		base64.StdEncoding.EncodeToString([]byte("\x00"+c.cfg.Username+"\x00"+password)))
	if ctx.Err() != nil {
		said = "no answer in time (" + said + ")"
	}
	told := fmt.Errorf("mail to %s over %s: %s", to, c.cfg.Server, channel.OneLine(said))
	var refused *gomail.SendError
	if !errors.As(err, &refused) || refused.ErrorCode() < 500 {
		return told
	}
	switch refused.Reason {
	case gomail.ErrSMTPRcptTo:
		if strings.HasPrefix(refused.EnhancedStatusCode(), "5.7.") {
			return told // a rule of the server, like no relaying without a login
		}
	case gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
	default:
		return told
	}
	return &channel.Permanent{Err: told}
}
