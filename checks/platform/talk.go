package platform

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"xunjian/checks"
)

// maxLines bounds what is read for one exchange.
const maxLines = 100

// talk connects and speaks: blackbox_exporter's tcp module.
func (v *visit) talk(ctx context.Context, t TCP) error {
	regex := false
	err := v.converse(ctx, t, &regex)
	v.set(descRegex, truth(regex))
	return err
}

func (v *visit) converse(ctx context.Context, t TCP, regex *bool) error {
	c, err := v.dial(ctx, "tcp", t.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	if end, ok := ctx.Deadline(); ok {
		c.SetDeadline(end)
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	v.status = c.RemoteAddr().String()
	if t.UseTLS {
		cfg, err := v.secure(t.TLS)
		if err != nil {
			return err
		}
		host, _, _ := net.SplitHostPort(t.Address)
		if c, err = v.handshake(ctx, c, cfg, host); err != nil {
			return err
		}
		defer c.Close()
	}
	r := bufio.NewReaderSize(io.LimitReader(c, 64<<10), 4<<10)
	for i, e := range t.Dialogue {
		if err := v.exchange(ctx, c, r, e, regex); err != nil {
			if f, ok := err.(*fault); ok && len(t.Dialogue) > 1 {
				f.step = fmt.Sprint(i + 1)
			}
			return err
		}
	}
	return nil
}

func (v *visit) exchange(ctx context.Context, c io.Writer, r *bufio.Reader, e Exchange, regex *bool) error {
	v.enter(phaseProcessing)
	defer v.leave(phaseProcessing)
	if e.Send != "" {
		v.note("say %q", e.Send)
		if _, err := io.WriteString(c, e.Send+"\r\n"); err != nil {
			return v.unheard(ctx, err)
		}
	}
	if e.Expect == "" {
		return nil
	}
	for range maxLines {
		line, err := r.ReadString('\n')
		ended := err == io.EOF
		if line = strings.TrimRight(line, "\r\n"); err == nil || line != "" {
			v.note("hear %q", checks.SafeText(line, 200))
			v.excerpt = checks.SafeText(v.excerpt+line+"\n", maxExcerpt)
		}
		if v.exprs[e.Expect].MatchString(line) {
			return nil
		}
		if ended && v.excerpt != "" {
			break // it said something, and not that
		}
		if err != nil {
			return v.unheard(ctx, err)
		}
	}
	*regex = true
	f := newFault("probe.answer", classContent, phaseAnswer, nil)
	f.args["wanted"], f.args["got"] = e.Expect, clip(v.excerpt)
	return f
}

// unheard tells the end of the time from the end of the agent.
func (v *visit) unheard(ctx context.Context, err error) error {
	if ctx.Err() == context.Canceled {
		return &untried{ctx.Err()}
	}
	return talkFault(phaseProcessing, err)
}
