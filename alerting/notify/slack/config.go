// Package slack tells a Slack channel of incidents, one thread for each, and
// carries out what people ask for there.
package slack

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// Config is one channel of one Slack workspace.
type Config struct {
	channel.GroupConfig `yaml:",inline"`
	// Channel is the ID of the Slack channel, like C0123456789; not its name.
	Channel string `yaml:"channel"`
	// TokenFile holds the app's bot token, xoxb-….
	TokenFile string `yaml:"token_file"`
	// AppTokenFile holds its app-level token, xapp-…, with which answers come by
	// Socket Mode: no port is opened. Empty: they do not.
	AppTokenFile string `yaml:"app_token_file"`
	// SigningSecretFile holds the secret by which answers that come by HTTP are
	// known to be Slack's. Empty: none are taken.
	SigningSecretFile string `yaml:"signing_secret_file"`
	// People says, by the ID of a Slack user like U0123456789, who that is on the
	// roster. Only they can ask for anything, and are mentioned.
	People map[string]string `yaml:"people"`
	// APIURL takes the place of https://slack.com/api/, as for a proxy or
	// slack-gov.com.
	APIURL string `yaml:"api_url"`
}

var (
	channelShape = regexp.MustCompile(`^[CG][A-Z0-9]{8,20}$`)
	userShape    = regexp.MustCompile(`^[UW][A-Z0-9]{8,20}$`)
	personShape  = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
)

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	return []*string{&c.TokenFile, &c.AppTokenFile, &c.SigningSecretFile}
}

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	return map[string]string{"token_file": c.TokenFile, "app_token_file": c.AppTokenFile, "signing_secret_file": c.SigningSecretFile}
}

// Validate returns every mistake, joined, each beginning with the key. Whether
// those in People are on the roster is ValidatePeople's.
func (c Config) Validate() error {
	errs := []error{c.GroupConfig.Validate()}
	if !channelShape.MatchString(c.Channel) {
		errs = append(errs, fmt.Errorf("channel: %q is not the ID of a channel; allowed: C or G and 8 to 20 capital letters and digits, as under the channel's details in Slack", c.Channel))
	}
	if c.TokenFile == "" {
		errs = append(errs, errors.New("token_file: is missing; name the file that holds the app's bot token (xoxb-…)"))
	} else if _, err := token(c.TokenFile, "xoxb-"); err != nil {
		errs = append(errs, fmt.Errorf("token_file: %w", err))
	}
	if c.AppTokenFile != "" {
		if _, err := token(c.AppTokenFile, "xapp-"); err != nil {
			errs = append(errs, fmt.Errorf("app_token_file: %w", err))
		}
	}
	if c.SigningSecretFile != "" {
		if _, err := secret.Read(c.SigningSecretFile); err != nil {
			errs = append(errs, fmt.Errorf("signing_secret_file: %w", err))
		}
	}
	for _, user := range slices.Sorted(maps.Keys(c.People)) {
		if !userShape.MatchString(user) {
			errs = append(errs, fmt.Errorf("people.%s: is not the ID of a Slack user; allowed: U or W and 8 to 20 capital letters and digits, as under the person's profile in Slack", user))
		}
		if id := c.People[user]; !personShape.MatchString(id) {
			errs = append(errs, fmt.Errorf("people.%s: %q is not an id of the roster; allowed: lower-case letters, digits and - . _ between them", user, id))
		}
	}
	if c.APIURL != "" {
		if err := post.Address(c.APIURL); err != nil {
			errs = append(errs, fmt.Errorf("api_url: %q %w", c.APIURL, err))
		} else if strings.ContainsRune(c.APIURL, '?') {
			errs = append(errs, fmt.Errorf("api_url: %q has a ? part; allowed: an address that a method's name is put behind", c.APIURL))
		}
	}
	return errors.Join(errs...)
}

// ValidatePeople returns those of People who are not on the roster, whose ids
// known are.
func (c Config) ValidatePeople(known []string) error {
	var errs []error
	for _, user := range slices.Sorted(maps.Keys(c.People)) {
		if id := c.People[user]; !slices.Contains(known, id) {
			errs = append(errs, fmt.Errorf("people.%s: nobody on the roster has the id %q", user, id))
		}
	}
	return errors.Join(errs...)
}

// token reads a token and checks of which kind it is: the one in the other's
// place is the common slip.
func token(path, prefix string) (string, error) {
	s, err := secret.Read(path)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(s, prefix) {
		return "", fmt.Errorf("what %s holds does not begin with %s; put the token of that kind there", path, prefix)
	}
	return s, nil
}

// endpoint is where the methods are, with a / at its end.
func (c Config) endpoint() string {
	if c.APIURL == "" {
		return slack.APIURL
	}
	return strings.TrimSuffix(c.APIURL, "/") + "/"
}

// users are the Slack users of a person, in order.
func (c Config) users(person string) []string {
	var out []string
	for _, user := range slices.Sorted(maps.Keys(c.People)) {
		if c.People[user] == person {
			out = append(out, user)
		}
	}
	return out
}
