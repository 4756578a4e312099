package host

import (
	"context"
	"fmt"
	"strings"
)

// account is a line of /etc/passwd.
type account struct{ name, uid, home string }

// readAccounts reads /etc/passwd itself: a name service could hang. Lines that
// are none are left out, as the C library does.
func readAccounts(root string) ([]account, error) {
	var r reader
	b, err := r.all(root + "/etc/passwd")
	if err != nil {
		return nil, err
	}
	var list []account
	for line := range strings.Lines(string(b)) {
		w := strings.Split(strings.TrimSpace(line), ":")
		if len(w) < 7 || w[0] == "" || w[0][0] == '#' {
			continue
		}
		list = append(list, account{w[0], w[2], w[5]})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("parse /etc/passwd: no line of it is an account")
	}
	return list, nil
}

func administrators(ctx context.Context, cfg Config) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, err := readAccounts(strings.TrimRight(cfg.Rootfs, "/"))
	var names []string
	for _, a := range list {
		if strings.Trim(a.uid, "0") == "" && a.uid != "" { // 00 is 0, too
			names = append(names, oneLine(a.name))
		}
	}
	return names, err
}
