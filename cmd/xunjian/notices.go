package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) notifyCommand() *cobra.Command {
	g := c.group("notify", "notify", func(ctx context.Context, _ []string) error { return c.listNotices(ctx, false, 100) })
	c.section(g, "look", c.notifyRouteCommand(), c.notifyQueueCommand())
	c.section(g, "handle", c.notifyTestCommand(), c.command("notify.retry", "retry [KEY]", c.retryNotices))
	return g
}

// notifyRouteCommand says who would hear, and why.
func (c *cli) notifyRouteCommand() *cobra.Command {
	var code, level, system, scenario, kind, at string
	cmd := c.command("notify.route", "route", func(ctx context.Context, _ []string) error {
		q := url.Values{}
		for name, v := range map[string]string{"code": code, "level": level, "system": system, "scenario": scenario, "type": kind} {
			if v != "" {
				q.Set(name, v)
			}
		}
		if at != "" {
			t, ok := nextMoment(at, time.Now(), time.Local)
			if !ok {
				return c.usage("bad_flag_value", map[string]any{"flag": "--at", "value": at})
			}
			q.Set("at", t.Format(time.RFC3339))
		}
		r, err := c.client().NoticeRoute(ctx, q)
		if err != nil {
			return err
		}
		return c.show(r, func() { c.printNoticeRoute(r) })
	})
	f := cmd.Flags()
	f.StringVar(&code, "code", "", c.t("flag.code", nil))
	f.StringVar(&level, "level", "", c.t("flag.level", nil))
	f.StringVar(&system, "system", "", c.t("flag.system", nil))
	f.StringVar(&scenario, "scenario", "", c.t("flag.scenario", nil))
	f.StringVar(&kind, "type", "", c.t("flag.notice_type", nil))
	f.StringVar(&at, "at", "", c.t("flag.notice_at", nil))
	return cmd
}

// weekdays are how people call the days, from Sunday.
var weekdays = [7][]string{
	{"sunday", "sun", "周日", "星期日", "星期天"}, {"monday", "mon", "周一", "星期一"}, {"tuesday", "tue", "周二", "星期二"}, {"wednesday", "wed", "周三", "星期三"},
	{"thursday", "thu", "周四", "星期四"}, {"friday", "fri", "周五", "星期五"}, {"saturday", "sat", "周六", "星期六"},
}

// nextMoment reads a time like --from does, or a time of day with or without a
// day of the week: the next one.
func nextMoment(s string, now time.Time, zone *time.Location) (time.Time, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	day := -1
	for n, names := range weekdays {
		for _, name := range names {
			if rest, ok := strings.CutPrefix(s, name); ok && day < 0 && (rest == "" || rest[0] == ' ') {
				day, s = n, strings.TrimSpace(rest)
			}
		}
	}
	if clock, err := time.Parse("15:04", s); err == nil {
		now = now.In(zone)
		for n := range 8 {
			t := time.Date(now.Year(), now.Month(), now.Day()+n, clock.Hour(), clock.Minute(), 0, 0, zone)
			if t.After(now) && (day < 0 || int(t.Weekday()) == day) {
				return t, true
			}
		}
	}
	if day >= 0 {
		return time.Time{}, false
	}
	t, err := parseWhen(strings.ToUpper(s), now, zone)
	if err != nil {
		t, err = parseWhen(s, now, zone)
	}
	return t, err == nil
}

func (c *cli) printNoticeRoute(r api.NoticeRoute) {
	c.out.Line("%s", c.t("notify.route.head", map[string]any{"at": r.At.Time, "roles": strings.Join(r.Roles, ", ")}))
	switch {
	case !r.Told:
		c.out.Line("%s", c.out.Paint(term.Yellow, c.t("notify.route.untold", nil)))
	case r.HeldUntil != nil:
		c.out.Line("%s", c.out.Paint(term.Yellow, c.t("notify.route.held", map[string]any{"until": r.HeldUntil.Time})))
	}
	for _, why := range r.Why {
		c.out.Line("  %s", term.Safe(why))
	}
	c.out.Line("")
	if len(r.Ways) == 0 {
		c.none("notify.ways")
	} else {
		t := term.NewTable(c.columns("channel", "name", "**role")...)
		for _, w := range r.Ways {
			name := w.Name
			if name == "" {
				name = w.Recipient
			}
			t.Row(cell(w.Channel), cell(name), cell(strings.Join(w.Roles, ", ")))
		}
		t.Write(c.out)
	}
	if len(r.Unreached) > 0 {
		c.out.Line("\n%s", c.out.Paint(term.Yellow, c.t("notify.route.unreached", map[string]any{"people": strings.Join(r.Unreached, ", ")})))
	}
}

func (c *cli) notifyTestCommand() *cobra.Command {
	return c.command("notify.test", "test CHANNEL [PERSON]", func(ctx context.Context, args []string) error {
		r, err := c.client().TestNotice(ctx, args[0], strings.Join(args[1:], ""))
		if err != nil {
			return err
		}
		if !r.Delivered {
			if err := c.show(r, func() {}); err != nil {
				return err
			}
			return &fault{status: exitFailure, message: c.t("notify.test.failed", map[string]any{"channel": args[0], "why": r.Error})}
		}
		return c.show(r, func() {
			c.out.Line("%s", c.t("notify.test.done", map[string]any{"channel": args[0], "seconds": r.Seconds}))
		})
	})
}

func (c *cli) notifyQueueCommand() *cobra.Command {
	dead, limit := false, 100
	cmd := c.command("notify.queue", "queue", func(ctx context.Context, _ []string) error { return c.listNotices(ctx, dead, limit) })
	cmd.Flags().BoolVar(&dead, "given-up", false, c.t("flag.given_up", nil))
	cmd.Flags().IntVar(&limit, "limit", limit, c.t("flag.limit", nil))
	return cmd
}

func (c *cli) listNotices(ctx context.Context, dead bool, limit int) error {
	q, err := c.client().NoticeQueue(ctx, dead, limit)
	if err != nil {
		return err
	}
	return c.show(q, func() {
		c.out.Line("%s", c.t("notify.queue.head", map[string]any{"waiting": q.Waiting, "gone": q.GivenUp}))
		if len(q.Notices) == 0 {
			return
		}
		t := term.NewTable(c.columns("key", "*event", "created", "next", ">tries", "**error")...)
		for _, n := range q.Notices {
			t.Row(cell(n.Key), cell(n.Kind), cell(clock(n.Created)), cell(clock(n.Next)), cell(c.t("notify.tries", map[string]any{"n": n.Attempts})), cell(n.Error))
		}
		t.Write(c.out)
	})
}

func (c *cli) retryNotices(ctx context.Context, args []string) error {
	r, err := c.client().RetryNotice(ctx, strings.Join(args, ""))
	if err != nil {
		return err
	}
	return c.show(r, func() { c.out.Line("%s", c.t("notify.retried", map[string]any{"n": r.Notices})) })
}

func (c *cli) silencesCommand() *cobra.Command {
	g := c.group("silences", "silences", c.listSilences)
	c.section(g, "look", c.command("silences.list", "list", c.listSilences))
	c.section(g, "handle", c.addSilenceCommand(), c.command("silences.end", "end ID", func(ctx context.Context, args []string) error {
		s, err := c.client().EndSilence(ctx, args[0])
		return c.shownSilence(s, err)
	}))
	return g
}

func (c *cli) listSilences(ctx context.Context, _ []string) error {
	list, err := c.client().Silences(ctx)
	if err != nil {
		return err
	}
	return c.show(list, func() {
		if len(list.Silences) == 0 {
			c.none("silences")
			return
		}
		c.printSilences(list.Silences...)
	})
}

func (c *cli) printSilences(list ...api.SilenceView) {
	t := term.NewTable(c.columns("id", "state", "code", "system", "until", "owner", "**reason")...)
	for _, s := range list {
		state := term.Cell{Text: c.t("silences.active", nil), Style: term.Yellow}
		if !s.Active {
			state = cell(c.t("silences.ended", nil))
		}
		t.Row(cell(s.ID), state, cell(strings.Join(s.Codes, ", ")), cell(strings.Join(s.Systems, ", ")), cell(clock(s.To)), cell(s.Owner), cell(s.Reason))
	}
	t.Write(c.out)
}

func (c *cli) shownSilence(s api.SilenceView, err error) error {
	if err != nil {
		return err
	}
	return c.show(s, func() { c.printSilences(s) })
}

func (c *cli) addSilenceCommand() *cobra.Command {
	var in api.NewSilence
	length := "2h"
	cmd := c.command("silences.add", "add", func(ctx context.Context, _ []string) error {
		d, err := model.ParseDuration(length)
		if err != nil {
			return c.usage("bad_flag_value", map[string]any{"flag": "--for", "value": length})
		}
		in.To = api.Moment{Time: time.Now().Add(time.Duration(d))}
		s, err := c.client().AddSilence(ctx, in)
		return c.shownSilence(s, err)
	})
	f := cmd.Flags()
	f.StringSliceVar(&in.Codes, "code", nil, c.t("flag.silence_codes", nil))
	f.StringSliceVar(&in.Systems, "system", nil, c.t("flag.silence_systems", nil))
	f.StringVar(&in.Reason, "reason", "", c.t("flag.silence_reason", nil))
	f.StringVar(&length, "for", length, c.t("flag.silence_for", nil))
	return cmd
}
