package store_test

import (
	"database/sql"
	"strings"
	"testing"

	"xunjian/alerting"
	"xunjian/alerting/storetest"
)

// tampered opens the file beside the store, as somebody with an editor would.
func tampered(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		res, err := db.ExecContext(t.Context(), s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if n, _ := res.RowsAffected(); n == 0 {
			t.Fatalf("%s: changed nothing", s)
		}
	}
}

// TestVerifyFindsTampering edits each column of each table that Verify vouches
// for, and removes rows.
func TestVerifyFindsTampering(t *testing.T) {
	for _, c := range []struct{ statement, want string }{
		{`UPDATE events SET seq = 70 WHERE seq = (SELECT MAX(seq) FROM events)`, "events are missing"},
		{`UPDATE events SET incident = 'INC-20260302-00002' WHERE seq = 4`, "does not match its hash"},
		{`UPDATE events SET version = 9 WHERE seq = 4`, "version 9 follows version 3"},
		{`UPDATE events SET at = at + 1 WHERE seq = 3`, "does not match its hash"},
		{`UPDATE events SET at = at + 0.5 WHERE seq = 3`, "cannot be read"},
		{`UPDATE events SET at = 'never' WHERE seq = 1`, "cannot be read"},
		{`UPDATE events SET actor_kind = 'agent' WHERE seq = 4`, "event 4 of INC-20260302-00001 (version 4, resolved): its content does not match its hash"},
		{`UPDATE events SET actor_name = 'li' WHERE seq = 4`, "does not match its hash"},
		{`UPDATE events SET actor_via = 'api' WHERE seq = 4`, "does not match its hash"},
		{`UPDATE events SET actor_name = 'wangc', actor_via = 'onsole' WHERE seq = 4`, "does not match its hash"},
		{`UPDATE events SET kind = 'reopened' WHERE seq = 4`, "does not match its hash"},
		{`UPDATE events SET kind = 'nonsense' WHERE seq = 4`, `unknown kind "nonsense"`},
		{`UPDATE events SET body = REPLACE(body, 'IV', 'II') WHERE seq = 1`, "does not match its hash"},
		{`UPDATE events SET body = body || ' ' WHERE seq = 1`, "does not match its hash"},
		{`UPDATE events SET body = '{' WHERE seq = 1`, "event 1 of INC-20260302-00001: decode event opened"},
		{`UPDATE events SET prev = hash WHERE seq = 3`, "does not follow from the event before it"},
		{`UPDATE events SET hash = 'x' WHERE seq = (SELECT MAX(seq) FROM events)`, "does not match its hash"},
		{`UPDATE events SET hash = prev, prev = hash WHERE seq = 3`, "does not follow from the event before it"},
		{`DELETE FROM events WHERE seq = 1`, "events are missing"},
		{`DELETE FROM events WHERE seq = 3`, "events are missing"},
		{`DELETE FROM events WHERE seq = 6`, "incident INC-20260302-00002: what is listed differs"},
		{`DELETE FROM events WHERE seq >= 5`, "incident INC-20260302-00002 is listed but has no events"},
		{`UPDATE incidents SET id = 'INC-20260302-00009' WHERE id = 'INC-20260302-00002'`, "incident INC-20260302-00002 has events but is not listed"},
		{`UPDATE incidents SET state = 'resolved' WHERE state = 'open'`, "incident INC-20260302-00002: what is listed differs"},
		{`UPDATE incidents SET code = 'A01' WHERE state = 'open'`, "what is listed differs"},
		{`UPDATE incidents SET level = 'I' WHERE state = 'open'`, "what is listed differs"},
		{`UPDATE incidents SET drill = 1 WHERE state = 'open'`, "what is listed differs"},
		{`UPDATE incidents SET opened_at = 0 WHERE state = 'open'`, "what is listed differs"},
		{`UPDATE incidents SET opened_at = 'x' WHERE state = 'open'`, "cannot be read"},
		{`UPDATE incidents SET ended_at = 1 WHERE state = 'open'`, "what is listed differs"},
		{`UPDATE incidents SET words = '' WHERE state = 'open'`, "what is listed differs"},
		{`UPDATE incidents SET fold = REPLACE(fold, '"IV"', '"III"') WHERE state = 'open'`, "what is listed differs"},
		{`UPDATE incidents SET fold = '' WHERE state = 'open'`, "what is listed differs"},
		{`DELETE FROM incidents WHERE state = 'open'`, "incident INC-20260302-00002 has events but is not listed"},
		{`UPDATE blobs SET id = 'b2'`, "its evidence b1 is missing"},
		{`UPDATE blobs SET sha256 = 'x'`, "evidence b1 does not match the hash in the timeline"},
		{`UPDATE blobs SET body = X'00'`, "evidence b1 does not match the hash in the timeline"},
		{`UPDATE blobs SET body = body || X'00'`, "evidence b1 does not match the hash in the timeline"},
		{`DELETE FROM blobs`, "its evidence b1 is missing"},
	} {
		t.Run(c.statement, func(t *testing.T) {
			path := temp(t)
			s := open(t, path)
			small(t, s)
			storetest.Clean(t, s)
			tampered(t, path, c.statement)
			r, err := s.Verify(t.Context())
			if err != nil {
				t.Fatalf("verify: %v", err)
			}
			if all := strings.Join(r.Faults, "\n"); !strings.Contains(all, c.want) {
				t.Errorf("faults:\n%s\nwant one that says %q", all, c.want)
			}
		})
	}
}

// A report names what it can and stops before it fills the memory.
func TestVerifyIsBounded(t *testing.T) {
	path := temp(t)
	s := open(t, path)
	var u alerting.Unit
	for n := range 300 {
		one, _ := storetest.Opening(storetest.ID(n), storetest.ID(n), "E01", storetest.T0)
		u.Events, u.Incidents = append(u.Events, one.Events...), append(u.Incidents, one.Incidents...)
	}
	commit(t, s, u)
	tampered(t, path, `UPDATE events SET at = at + 1`)
	r, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Faults) != 100 || r.Events != 600 {
		t.Errorf("%d faults of %d events, want 100 of 600", len(r.Faults), r.Events)
	}
}
