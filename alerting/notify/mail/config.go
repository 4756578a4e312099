// Package mail sends notices as mail over SMTP: one mail to one person, in
// HTML and as plain text, threaded by incident.
package mail

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// Config says over which server mail goes.
type Config struct {
	// Server is the mail server, host:port; empty: no mail is sent.
	Server string `yaml:"server"`
	// Security is starttls, tls (from the first byte) or none. Without it there
	// is no login either.
	Security string `yaml:"security"`
	// From is the sender, with or without a name.
	From string `yaml:"from"`
	// Username logs in; empty: no login.
	Username string `yaml:"username"`
	// PasswordFile holds the password as its only line.
	PasswordFile string `yaml:"password_file"`
	// CAFile holds the certificates (PEM) that the server's is checked against;
	// empty: those of this machine.
	CAFile string `yaml:"ca_file"`
	// SignCertificateFile and SignKeyFile (PEM, RSA or ECDSA) sign each mail by
	// S/MIME; empty: no signature. The certificate names the sender's address.
	SignCertificateFile string `yaml:"sign_certificate_file"`
	SignKeyFile         string `yaml:"sign_key_file"`
}

// The ways to protect a connection.
const (
	StartTLS = "starttls"
	TLS      = "tls"
	Plain    = "none"
)

// Default sends nothing.
func Default() Config { return Config{Security: StartTLS} }

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	return []*string{&c.PasswordFile, &c.CAFile, &c.SignCertificateFile, &c.SignKeyFile}
}

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	return map[string]string{"password_file": c.PasswordFile, "sign_key_file": c.SignKeyFile}
}

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Server == "" {
		if c.From != "" || c.Username != "" || c.PasswordFile != "" {
			add("server: is missing; name the mail server, like smtp.example.org:587")
		}
	} else if host, port, err := net.SplitHostPort(c.Server); err != nil || !isHost(host) || !isPort(port) {
		add("server: %q is not a mail server; allowed: host:port like smtp.example.org:587", c.Server)
	}
	switch c.Security {
	case StartTLS, TLS:
	case Plain:
		if c.Username != "" {
			add("security: none would send the password in the clear; allowed with a username: starttls, tls")
		}
	default:
		add("security: unknown value %q; allowed: starttls, tls, none", c.Security)
	}
	if c.Server != "" || c.From != "" {
		if _, err := parseFrom(c.From); err != nil {
			add("from: %q is not a sender; allowed: xunjian@example.org, or with a name: 巡检 <xunjian@example.org>", c.From)
		}
	}
	errs = append(errs, c.validateLogin(), c.validateCA())
	if _, err := c.signer(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c Config) validateLogin() error {
	switch {
	case strings.ContainsFunc(c.Username, unicode.IsControl):
		return fmt.Errorf("username: %q holds a control character", c.Username)
	case c.Username != "" && c.PasswordFile == "":
		return errors.New("password_file: is missing; name the file that holds the password of " + c.Username)
	case c.Username == "" && c.PasswordFile != "":
		return errors.New("username: is missing; a password alone is no login")
	case c.PasswordFile == "":
		return nil
	}
	if _, err := secret.Read(c.PasswordFile); err != nil {
		return fmt.Errorf("password_file: %w", err)
	}
	return nil
}

func (c Config) validateCA() error {
	if _, err := post.Roots(c.CAFile); err != nil {
		return fmt.Errorf("ca_file: %w", err)
	}
	return nil
}

// signer is what signs the mails; nil if nothing does.
func (c Config) signer() (*tls.Certificate, error) {
	switch {
	case c.SignCertificateFile == "" && c.SignKeyFile == "":
		return nil, nil
	case c.SignCertificateFile == "":
		return nil, errors.New("sign_certificate_file: is missing; a key alone signs nothing")
	case c.SignKeyFile == "":
		return nil, errors.New("sign_key_file: is missing; name the file that holds the certificate's key")
	}
	pair, err := tls.LoadX509KeyPair(c.SignCertificateFile, c.SignKeyFile)
	if err != nil {
		return nil, fmt.Errorf("sign_certificate_file: %w; allowed: a certificate and its key without a password, both PEM", err)
	}
	switch pair.PrivateKey.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
	default:
		return nil, fmt.Errorf("sign_key_file: mail programs cannot read signatures by %T; allowed: RSA, ECDSA", pair.PrivateKey)
	}
	// Mail programs call a mail forged whose signer is another than its sender.
	if from, err := parseFrom(c.From); err == nil && !slices.ContainsFunc(pair.Leaf.EmailAddresses, func(a string) bool { return strings.EqualFold(a, from.Address) }) {
		return nil, fmt.Errorf("sign_certificate_file: is made out to %q and not to the sender %s", pair.Leaf.EmailAddresses, from.Address)
	}
	return &pair, nil
}

// parseFrom reads the sender. The address stands in ids of mails too, so it is
// plain ASCII.
func parseFrom(s string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return nil, err
	}
	if !isASCII(a.Address) || strings.ContainsAny(a.Address, " <>") {
		return nil, errors.New("not an address in ASCII")
	}
	return a, nil
}

func isASCII(list ...string) bool {
	return !strings.ContainsFunc(strings.Join(list, ""), func(r rune) bool { return r > unicode.MaxASCII })
}

func isHost(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII || strings.ContainsRune(`/@<>"`, r) })
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
