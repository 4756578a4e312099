package devices

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"xunjian/checks"
	"xunjian/checks/credential"
)

var authProtocols = map[string]gosnmp.SnmpV3AuthProtocol{
	"md5": gosnmp.MD5, "sha": gosnmp.SHA, "sha224": gosnmp.SHA224, "sha256": gosnmp.SHA256, "sha384": gosnmp.SHA384, "sha512": gosnmp.SHA512,
}

var privProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
	"des": gosnmp.DES, "aes": gosnmp.AES, "aes192": gosnmp.AES192, "aes256": gosnmp.AES256, "aes192c": gosnmp.AES192C, "aes256c": gosnmp.AES256C,
}

const (
	// requestWithin is how long one request waits before it is sent again.
	requestWithin = 2 * time.Second
	retries       = 1
	maxColumn     = 4096 // rows of a table that are read
)

// usm are the security parameters of a user.
func (u User) usm() (*gosnmp.UsmSecurityParameters, gosnmp.SnmpV3MsgFlags, []credential.Secret, error) {
	p := &gosnmp.UsmSecurityParameters{UserName: u.Name, AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv}
	flags := gosnmp.NoAuthNoPriv
	var secrets []credential.Secret
	if u.Auth != "" {
		s, err := credential.Read(u.AuthPasswordFile)
		if err != nil {
			return nil, 0, nil, fmt.Errorf("pass phrase: %w", err)
		}
		p.AuthenticationProtocol, p.AuthenticationPassphrase, flags = authProtocols[u.Auth], s.Reveal(), gosnmp.AuthNoPriv
		secrets = append(secrets, s)
	}
	if u.Priv != "" {
		s, err := credential.Read(u.PrivPasswordFile)
		if err != nil {
			return nil, 0, nil, fmt.Errorf("pass phrase: %w", err)
		}
		p.PrivacyProtocol, p.PrivacyPassphrase, flags = privProtocols[u.Priv], s.Reveal(), gosnmp.AuthPriv
		secrets = append(secrets, s)
	}
	return p, flags, secrets, nil
}

// session is one look at a device.
type session struct {
	*gosnmp.GoSNMP
	secrets []credential.Secret
}

// dial opens a session; nothing is sent yet. Secrets are read anew, so that a
// changed one holds from the next look on.
func (d Device) dial(ctx context.Context) (*session, error) {
	host, port, err := d.target()
	if err != nil {
		return nil, err
	}
	g := &gosnmp.GoSNMP{
		Target: host, Port: port, Transport: "udp", Context: ctx, Timeout: requestWithin, Retries: retries, MaxOids: gosnmp.MaxOids, MaxRepetitions: 25,
		Version: gosnmp.Version2c, ContextName: d.Context,
	}
	s := &session{GoSNMP: g}
	if d.Version == "3" {
		p, flags, secrets, err := d.usm()
		if err != nil {
			return nil, err
		}
		g.Version, g.SecurityModel, g.MsgFlags, g.SecurityParameters, s.secrets = gosnmp.Version3, gosnmp.UserSecurityModel, flags, p, secrets
	} else {
		c, err := credential.Read(d.CommunityFile)
		if err != nil {
			return nil, fmt.Errorf("community: %w", err)
		}
		g.Community, s.secrets = c.Reveal(), []credential.Secret{c}
	}
	if err := g.Connect(); err != nil {
		return nil, s.plain(fmt.Errorf("reach %s: %w", d.Address, err))
	}
	return s, nil
}

// plain is an error without secrets in it.
func (s *session) plain(err error) error {
	return errors.New(checks.SafeText(credential.Mask(err.Error(), s.secrets...), 300))
}

// scalars asks for single values; those that the device does not have are
// missing.
func (s *session) scalars(oids ...string) (map[string]gosnmp.SnmpPDU, error) {
	res, err := s.Get(oids)
	if err != nil {
		return nil, s.plain(err)
	}
	out := map[string]gosnmp.SnmpPDU{}
	for _, v := range res.Variables {
		if present(v) {
			out[strings.TrimPrefix(v.Name, ".")] = v
		}
	}
	return out, nil
}

func present(v gosnmp.SnmpPDU) bool {
	switch v.Type {
	case gosnmp.NoSuchObject, gosnmp.NoSuchInstance, gosnmp.EndOfMibView, gosnmp.Null:
		return false
	}
	return true
}

var errTooMany = errors.New("the table has more rows than are read")

// walk reads a column: its values by index, in the order of the device.
func (s *session) walk(oid string) (map[string]gosnmp.SnmpPDU, []string, error) {
	rows := map[string]gosnmp.SnmpPDU{}
	var order []string
	err := s.BulkWalk(oid, func(v gosnmp.SnmpPDU) error {
		if len(order) >= maxColumn {
			return errTooMany
		}
		if present(v) {
			index := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(v.Name, "."), oid), ".")
			rows[index] = v
			order = append(order, index)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errTooMany) {
		return nil, nil, s.plain(err)
	}
	return rows, order, nil
}

// number is a value as a number; false where it is none.
func number(v gosnmp.SnmpPDU) (float64, bool) {
	switch x := v.Value.(type) {
	case []byte:
		f, err := strconv.ParseFloat(strings.TrimSpace(string(x)), 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	case string, nil:
		return 0, false
	}
	f, _ := gosnmp.ToBigInt(v.Value).Float64()
	return f, true
}

// word is a value as text from outside.
func word(v gosnmp.SnmpPDU) string {
	switch x := v.Value.(type) {
	case []byte:
		return checks.SafeText(strings.Join(strings.Fields(string(x)), " "), 200)
	case string:
		return strings.TrimPrefix(checks.SafeText(x, 200), ".")
	case nil:
		return ""
	}
	return fmt.Sprint(v.Value)
}
