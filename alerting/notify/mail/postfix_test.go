package mail_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// postfix is a mail server of the test's own: Debian's Postfix, with Dovecot
// for the logins, both in one temporary folder.
type postfix struct {
	dir           string
	starttls, tls string // addresses
	ca            string // file
	inbox         string // wang@example.org's Maildir
}

const (
	login    = "xunjian"
	password = "correct horse §"
)

const mainCF = `compatibility_level = 3.6
queue_directory = DIR/spool
data_directory = DIR/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = DIR/postfix.log
maillog_file_prefixes = DIR
myhostname = mx.example.org
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_tls_cert_file = DIR/cert.pem
smtpd_tls_key_file = DIR/key.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = DIR/login
smtpd_sasl_authenticated_header = yes
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_delay_reject = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_tls_received_header = yes
virtual_mailbox_domains = example.org
virtual_mailbox_base = DIR/mail
virtual_mailbox_maps = inline:{ wang@example.org=wang/, full@example.org=full/ }
virtual_uid_maps = static:UID
virtual_gid_maps = static:GID
virtual_minimum_uid = 1
message_size_limit = 20000000
`

const masterCF = `127.0.0.1:PLAIN inet n - n - - smtpd
127.0.0.1:TLS inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`

const dovecotConf = `protocols =
base_dir = DIR/dovecot
state_dir = DIR/dovecot
log_path = DIR/dovecot.log
ssl = no
auth_mechanisms = MECHANISMS
passdb {
  driver = passwd-file
  args = DIR/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=DIR
}
service auth {
  unix_listener DIR/login {
    mode = 0666
  }
}
`

// startPostfix starts a server whose logins go by these mechanisms, and stops
// it at the end of t.
func startPostfix(t *testing.T, mechanisms string) *postfix {
	t.Helper()
	// Not t.TempDir: nobody but its owner may enter that.
	dir, err := os.MkdirTemp("", "xunjian-mail-")
	if err != nil {
		t.Fatal(err)
	}
	p := &postfix{dir: dir, starttls: freeAddress(t), tls: freeAddress(t), ca: filepath.Join(dir, "cert.pem"), inbox: filepath.Join(dir, "mail/wang/new")}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 65534, 65534 // Postfix delivers nothing as root
	}
	cert, key := certificate(t, "127.0.0.1", time.Now().Add(time.Hour))
	fill := strings.NewReplacer("DIR", dir, "MECHANISMS", mechanisms, "UID", fmt.Sprint(uid), "GID", fmt.Sprint(gid),
		"PLAIN", port(p.starttls), "TLS", port(p.tls))
	for name, content := range map[string]string{
		"etc/main.cf":   strings.NewReplacer("DIR", dir, "UID", fmt.Sprint(uid), "GID", fmt.Sprint(gid)).Replace(mainCF),
		"etc/master.cf": fill.Replace(masterCF), "dovecot.conf": strings.NewReplacer("DIR", dir, "MECHANISMS", mechanisms).Replace(dovecotConf),
		"users": login + ":{PLAIN}" + password + "\n", "cert.pem": cert, "key.pem": key, "mail/.keep": "", "spool/.keep": "", "dovecot/.keep": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, c := range []string{"postfix -c DIR/etc stop", "doveadm -c DIR/dovecot.conf stop"} {
			if out, err := asRoot(dir, c); err != nil {
				t.Errorf("%s: %v\n%s", c, err, out)
			}
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", p.log(t))
		}
		if out, err := asRoot(dir, "rm -r DIR"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for _, c := range []string{
		"chmod 755 DIR && chmod 600 DIR/key.pem && chown -R root:root DIR/etc DIR/spool && mkdir DIR/data && chown postfix DIR/data && chown " + fmt.Sprintf("%d:%d", uid, gid) + " DIR/mail",
		"dovecot -c DIR/dovecot.conf", "postfix -c DIR/etc start",
	} {
		if out, err := asRoot(dir, c); err != nil {
			t.Fatalf("%s: %v\n%s", c, err, out)
		}
	}
	for _, address := range []string{p.starttls, p.tls} {
		listens(t, address)
	}
	return p
}

// asRoot runs a line of shell as Postfix wants it: it is started by root alone.
func asRoot(dir, line string) ([]byte, error) {
	args := []string{"sh", "-c", strings.ReplaceAll(line, "DIR", dir)}
	if os.Getuid() != 0 {
		args = append([]string{"sudo", "-n"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	// A file, not a pipe: what it starts keeps that open, and nobody would see
	// the end.
	out, err := os.CreateTemp("", "xunjian-mail-out-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	runErr := cmd.Run()
	b, err := os.ReadFile(out.Name())
	return b, errors.Join(runErr, err)
}

func (p *postfix) log(t *testing.T) string {
	t.Helper()
	b, err := asRoot(p.dir, "cat DIR/postfix.log DIR/dovecot.log")
	if err != nil {
		t.Errorf("%v\n%s", err, b)
	}
	return string(b)
}

// received returns the mails in wang's inbox as they lie there.
func (p *postfix) received(t *testing.T) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.inbox, "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(files, func(a, b string) int { return arrival(t, a).Compare(arrival(t, b)) })
	var out [][]byte
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func arrival(t *testing.T, path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

func listens(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
