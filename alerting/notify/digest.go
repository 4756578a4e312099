package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify/channel"
)

// A storm is when more waits for one recipient than a person can read. Then the
// first goes out by itself, the urgent each by itself, and all the rest as one
// digest, and the next digest no sooner than after a pause.
const (
	stormFrom   = 6 // notices waiting for one recipient at once
	digestPause = 2 * time.Minute
	// digestLines is how many incidents a digest names; the rest is counted.
	digestLines = 20
)

// batch is what goes out as one message.
type batch struct {
	list   []alerting.Notice
	digest bool
}

// batches puts a round's notices of a channel into messages, in their order.
func (w *Worker) batches(name string, notices []alerting.Notice) []batch {
	if _, program := w.channel(name).(channel.Program); program || name == "journal" {
		return single(notices)
	}
	var order []string
	of := map[string][]alerting.Notice{}
	for _, n := range notices {
		if of[n.Recipient] == nil {
			order = append(order, n.Recipient)
		}
		of[n.Recipient] = append(of[n.Recipient], n)
	}
	var out []batch
	for _, recipient := range order {
		var urgent, rest []alerting.Notice
		for _, n := range of[recipient] {
			if n.Urgent || n.Beside() {
				urgent = append(urgent, n)
			} else {
				rest = append(rest, n)
			}
		}
		out = append(out, single(urgent)...)
		_, storm := w.storm(name, recipient)
		switch {
		case len(rest) > 0 && storm:
			out = append(out, batch{list: rest, digest: true})
		case len(rest) < stormFrom:
			out = append(out, single(rest)...)
		default:
			// One that failed before goes with the others.
			out = append(out, single(rest[:1])...)
			out = append(out, batch{list: rest[1:], digest: true})
		}
	}
	return out
}

func single(notices []alerting.Notice) []batch {
	var out []batch
	for _, n := range notices {
		out = append(out, batch{list: []alerting.Notice{n}})
	}
	return out
}

// storm reports whether a digest went to a recipient a short while ago, and
// until when the next one waits.
func (w *Worker) storm(name, recipient string) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	until, ok := w.storms[[2]string{name, recipient}]
	if ok && w.opt.Now().After(until.Add(digestPause)) {
		delete(w.storms, [2]string{name, recipient}) // it is over
		return time.Time{}, false
	}
	return until, ok
}

func (w *Worker) deliverBatch(ctx context.Context, b batch) (recorded bool, hung <-chan struct{}) {
	first := b.list[0]
	if !b.digest || len(b.list) == 1 && !w.waits(first) {
		return w.deliver(ctx, first)
	}
	if w.waits(first) {
		until, _ := w.storm(first.Channel, first.Recipient)
		if err := w.opt.Outbox.Postpone(ctx, first.Channel, first.Recipient, until); err != nil {
			w.opt.Logger.Error("hold a digest", "channel", first.Channel, "err", err)
			return false, nil
		}
		return true, nil
	}
	return w.deliverDigest(ctx, b.list)
}

// waits reports whether the recipient's next digest is not due yet.
func (w *Worker) waits(n alerting.Notice) bool {
	until, storm := w.storm(n.Channel, n.Recipient)
	return storm && w.opt.Now().Before(until)
}

// deliverDigest sends several notices as one message, and records one outcome
// for all of them.
func (w *Worker) deliverDigest(ctx context.Context, list []alerting.Notice) (recorded bool, hung <-chan struct{}) {
	first := list[0]
	keep := w.outcome(first.Key)
	if keep == nil {
		c := w.channel(first.Channel)
		var err error
		if c == nil {
			err = fmt.Errorf("channel %q is not configured", first.Channel)
		}
		var m Message
		if err == nil {
			m, err = w.opt.Words.Digest(list, func(id string) ([]incident.Event, error) { return w.opt.Outbox.Events(ctx, id) })
		}
		if err == nil {
			hung, err = send(ctx, c, m)
		}
		if ctx.Err() != nil && err != nil {
			return true, hung // stopping: the attempt does not count
		}
		w.tried(first.Channel, err)
		keep = w.judgeDigest(list, err)
	}
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := keep(rctx)
	if err != nil {
		w.opt.Logger.Error("record a digest; it is done again later", "key", first.Key, "err", err)
	} else {
		keep = nil
	}
	w.remember(first.Key, keep)
	return err == nil, hung
}

func (w *Worker) judgeDigest(list []alerting.Notice, err error) record {
	first, now := list[0], w.opt.Now()
	keys := make([]string, len(list))
	for n := range list {
		keys[n] = list[n].Key
	}
	if err == nil {
		w.count(first.Channel, func(c *Counts) { c.Delivered += uint64(len(list)) })
		w.mu.Lock()
		w.storms[[2]string{first.Channel, first.Recipient}] = now.Add(digestPause)
		w.mu.Unlock()
		return func(ctx context.Context) error { return w.opt.Outbox.DeliveredAll(ctx, keys, now) }
	}
	w.count(first.Channel, func(c *Counts) { c.Failed++ })
	w.opt.Logger.Warn("digest not delivered, it is tried again", "channel", first.Channel, "recipient", first.Recipient, "notices", len(list), "err", err)
	// A digest is never given up: what is wrong with it may be one line, and
	// next time each goes by itself or in other company.
	var permanent *Permanent
	attempts := 0
	for _, n := range list {
		attempts = max(attempts, n.Attempts)
	}
	if errors.As(err, &permanent) {
		attempts = max(attempts, 6)
	}
	next := now.Add(retryIn(attempts, err))
	return func(ctx context.Context) error { return w.opt.Outbox.FailedAll(ctx, keys, why(err), next) }
}

// Digest puts many notices to one recipient into one message: how many, of what
// kind, and the first of the incidents by name.
func (w *Words) Digest(list []alerting.Notice, events func(id string) ([]incident.Event, error)) (Message, error) {
	first, last := list[0], list[len(list)-1]
	p := w.Catalog.For(first.Lang)
	sum := sha256.New()
	kinds := map[string]int{}
	var order []string
	for _, n := range list {
		fmt.Fprintf(sum, "%d:%s", len(n.Key), n.Key)
		if kinds[n.Kind]++; kinds[n.Kind] == 1 {
			order = append(order, n.Kind)
		}
	}
	slices.Sort(order)
	var counts []string
	for _, k := range order {
		counts = append(counts, p.T("notice.digest.kind."+k, map[string]any{"n": kinds[k]}))
	}
	m := Message{
		Key: "digest/" + first.Channel + "/" + hex.EncodeToString(sum.Sum(nil)[:12]), Recipient: first.Recipient, Lang: first.Lang, Kind: "digest", At: last.Created,
		LinkText: p.T("notice.digest.link", nil),
	}
	var lines []string
	for _, n := range list {
		if len(lines) == digestLines {
			break
		}
		timeline, err := events(n.Incident)
		if err != nil {
			return Message{}, err
		}
		one, err := w.Message(n, timeline)
		if err != nil {
			continue // it is counted; alone it is given up
		}
		if len(lines) == 0 {
			m.Person, m.To, m.Concerned = one.Person, one.To, one.Concerned
			m.Incident = channel.Incident{ID: one.Incident.ID, Key: "digest", Host: one.Incident.Host, State: one.Incident.State}
		}
		lines = append(lines, p.Clock(one.At)+"  "+one.Subject)
	}
	args := map[string]any{"n": len(list), "host": m.Incident.Host, "from": p.Clock(first.Created), "to": p.Clock(last.Created), "counts": strings.Join(counts, p.T("notice.and", nil)), "more": len(list) - len(lines)}
	m.Subject = channel.OneLine(p.T("notice.digest.subject", args))
	m.Text = p.T("notice.digest.text", args) + "\n" + strings.Join(lines, "\n")
	if len(list) > len(lines) {
		m.Text += "\n" + p.T("notice.digest.more", args)
	}
	if w.Console != "" {
		m.Link = strings.TrimSuffix(w.Console, "/") + "/incidents"
	}
	return m, nil
}
