package config

import (
	"errors"

	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/secret"
)

// Notify says how people are reached beside the journal, which is always
// written.
type Notify struct {
	// Mail goes to each person on the roster who has an address.
	Mail mail.Config `yaml:"mail"`
}

func defaultNotify() Notify { return Notify{Mail: mail.Default()} }

// paths are the fields that hold paths.
func (n *Notify) paths() []*string { return n.Mail.Paths() }

// Validate returns every mistake, joined, each beginning with the key.
func (n Notify) Validate() error {
	var m mistakes
	m.join("mail", n.Mail.Validate())
	return errors.Join(m...)
}

// Warnings are what is no mistake and should be mended all the same, each
// beginning with the key.
func (c *Config) Warnings() []string {
	var out []string
	for _, file := range c.Notify.Mail.Secrets() {
		if said := secret.Exposed(file); said != "" {
			out = append(out, "notify.mail.password_file: "+said)
		}
	}
	return out
}
