package mail_test

import (
	"strings"
	"testing"
	"time"

	"xunjian/alerting/notify/mail"
)

func TestConfig(t *testing.T) {
	cert, key := certificate(t, "127.0.0.1", time.Now().Add(time.Hour))
	signed, signedKey := signer(t, "xunjian@example.org")
	whole := mail.Config{
		Server: "smtp.example.org:587", Security: mail.StartTLS, From: "巡检 <xunjian@example.org>", Username: "xunjian",
		PasswordFile: write(t, "hunter2"), CAFile: write(t, cert),
	}
	for _, c := range []struct {
		change func(*mail.Config)
		want   string // of the only mistake; empty: none
	}{
		{func(*mail.Config) {}, ""},
		{func(c *mail.Config) { *c = mail.Default() }, ""},
		{func(c *mail.Config) { c.Server = "[2001:db8::1]:465" }, ""},
		{func(c *mail.Config) { c.Username, c.PasswordFile, c.Security = "", "", mail.Plain }, ""},
		{func(c *mail.Config) { c.Server = "" }, "server: is missing"},
		{func(c *mail.Config) { c.Server = "smtp.example.org" }, `server: "smtp.example.org" is not a mail server; allowed: host:port`},
		{func(c *mail.Config) { c.Server = "smtp.example.org:0" }, "server: "},
		{func(c *mail.Config) { c.Server = "https://smtp.example.org:465" }, "server: "},
		{func(c *mail.Config) { c.Security = "ssl" }, `security: unknown value "ssl"; allowed: starttls, tls, none`},
		{func(c *mail.Config) { c.Security = mail.Plain }, "security: none would send the password in the clear"},
		{func(c *mail.Config) { c.From = "" }, `from: "" is not a sender`},
		{func(c *mail.Config) { c.From = "巡检@例子.中国" }, "from: "},
		{func(c *mail.Config) { c.From = "a@example.org, b@example.org" }, "from: "},
		{func(c *mail.Config) { c.PasswordFile = "" }, "password_file: is missing; name the file that holds the password of xunjian"},
		{func(c *mail.Config) { c.Username = "" }, "username: is missing"},
		{func(c *mail.Config) { c.Username = "a\r\nb" }, "username: "},
		{func(c *mail.Config) { c.PasswordFile = write(t, "hunter2\nhunter3") }, "password_file: "},
		{func(c *mail.Config) { c.PasswordFile = "/nonexistent" }, "password_file: cannot read /nonexistent: no such file"},
		{func(c *mail.Config) { c.SignCertificateFile, c.SignKeyFile = signed, signedKey }, ""},
		{func(c *mail.Config) { c.SignCertificateFile = signed }, "sign_key_file: is missing"},
		{func(c *mail.Config) { c.SignKeyFile = signedKey }, "sign_certificate_file: is missing"},
		{func(c *mail.Config) { c.SignCertificateFile, c.SignKeyFile = signed, write(t, key) }, "sign_certificate_file: "},
		{func(c *mail.Config) { c.SignCertificateFile, c.SignKeyFile = write(t, cert), write(t, key) }, `sign_certificate_file: is made out to [] and not to the sender xunjian@example.org`},
		{func(c *mail.Config) { c.CAFile = "/nonexistent" }, "ca_file: "},
		{func(c *mail.Config) { c.CAFile = write(t, "no certificate") }, "ca_file: "},
	} {
		cfg := whole
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case err == nil && c.want == "":
		case err == nil || c.want == "" || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter"):
			t.Errorf("%+v: %v, want %s…", cfg, err, c.want)
		}
	}
}
