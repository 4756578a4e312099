// Package checktest is the contract of a check, as a test: whoever writes a
// check calls Conform with it.
package checktest

import (
	"context"
	"io/fs"
	"testing"
	"time"

	"go.uber.org/goleak"

	"xunjian/checks"
)

// Option changes what Conform expects.
type Option func(*suite)

// Broken adds a check that cannot look (its file is gone, its server does not
// answer), which must come to Unknown and never to OK.
func Broken(fresh func() checks.Check) Option {
	return func(s *suite) { s.broken = append(s.broken, fresh) }
}

// Soon sets how long a run may go on after its context has ended; the default
// is 200 ms, which the Runner gives it at most.
func Soon(d time.Duration) Option { return func(s *suite) { s.soon = d } }

// Messages says where the texts of findings stand; the default is
// checks.Messages.
func Messages(fsys fs.FS) Option { return func(s *suite) { s.messages = fsys } }

// Conform runs the checks that fresh makes and holds that they
//
//   - have a well-formed name and a rhythm that is allowed,
//   - look again and again, with the same Descs,
//   - return soon after their context has ended,
//   - leave no goroutine behind and do not panic,
//   - yield samples or findings: silence would count as ok,
//   - stay under their series limit, each series once, each family of one type
//     with a help text, those named xunjian_* clean by promlint's rules,
//   - say each finding by a code that has a text in both languages which fits
//     its arguments,
//   - come to Unknown when they could not look.
//
// It does not run in parallel with other tests of the package, whose goroutines
// it would take for leaks.
func Conform(t *testing.T, fresh func() checks.Check, opts ...Option) {
	t.Helper()
	for _, fault := range Faults(t.Context(), fresh, opts...) {
		t.Error(fault)
	}
}

// Faults returns in what the checks that fresh makes do not conform.
func Faults(ctx context.Context, fresh func() checks.Check, opts ...Option) []string {
	s := &suite{soon: 200 * time.Millisecond, messages: checks.Messages}
	for _, opt := range opts {
		opt(s)
	}
	running := goleak.IgnoreCurrent()
	fresh = s.serving(fresh)
	c := fresh()
	s.name = c.Name()
	s.identity(c, fresh())
	s.texts = loadTexts(s.messages, s.faultf)
	first := s.look(ctx, c)
	second := s.look(ctx, c)
	s.again(first, second)
	s.deadline(ctx, fresh())
	for _, fresh := range s.broken {
		s.blind(ctx, s.serving(fresh)())
	}
	s.retire()
	if err := goleak.Find(running); err != nil {
		s.faultf("leaves goroutines behind: %v", err)
	}
	return s.faults
}
