package roster

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func team() Roster {
	return Roster{
		People: []Person{
			{ID: "zhang", Name: "张三", Roles: []string{"tech-staff", "leader"}},
			{ID: "li", Name: "李四", Roles: []string{"tech-staff"}},
			{ID: "wang", Name: "王五", Roles: []string{"tech-staff"}},
		},
		Shifts:   []Shift{{Role: "tech-staff", People: []string{"zhang", "li", "wang"}, From: "2026-03-23 09:00", Turn: 7 * 24 * time.Hour}},
		Absences: []Away{{Person: "li", From: "2026-04-01 00:00", To: "2026-04-03 00:00", Substitute: "zhang"}, {Person: "zhang", From: "2026-04-02 00:00", To: "2026-04-03 00:00"}},
	}
}

// Turns of a week change at the same hour of the clock, also over the change to
// summer time; who is away is stood in for; nobody is left out for want of a
// turn.
func TestOnDuty(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r := team()
	if err := r.Validate(roles); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"2026-03-23 08:59": "zhang li wang", // before the rota
		"2026-03-23 09:00": "zhang", "2026-03-30 08:59": "zhang",
		"2026-03-30 09:00": "li", // summer time began the night before
		"2026-04-01 12:00": "zhang",
		"2026-04-02 12:00": "wang", // li is away, zhang who stands in too: the rest of the role
		"2026-04-06 08:59": "li", "2026-04-06 09:00": "wang", "2026-04-13 09:00": "zhang",
	} {
		moment, _ := time.ParseInLocation(timeForm, at, berlin)
		var got []string
		on := r.OnDuty(moment, berlin)
		for _, p := range on.Holders("tech-staff") {
			got = append(got, p.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", at, got, want)
		}
		// The only leader away is still the leader.
		if l := on.Holders("leader"); len(l) != 1 || l[0].ID != "zhang" || len(on.People) != 3 {
			t.Errorf("%s: leaders %v of %d", at, l, len(on.People))
		}
	}
	if !slices.Equal(r.People[0].Roles, []string{"tech-staff", "leader"}) {
		t.Error("the roster itself was changed")
	}
}

func TestBadShifts(t *testing.T) {
	for want, change := range map[string]func(*Roster){
		`shifts[0].role: unknown role "night"`:                func(r *Roster) { r.Shifts[0].Role, r.Shifts[0].People = "night", nil },
		`shifts[1].role: "tech-staff" has a shift already`:    func(r *Roster) { r.Shifts = append(r.Shifts, r.Shifts[0]) },
		`shifts[0].people: is empty`:                          func(r *Roster) { r.Shifts[0].People = nil },
		`shifts[0].people[1]: "zhao" holds no role`:           func(r *Roster) { r.Shifts[0].People[1] = "zhao" },
		`shifts[0].from: "tomorrow" is not a time`:            func(r *Roster) { r.Shifts[0].From = "tomorrow" },
		`shifts[0].turn: 1m0s is out of range`:                func(r *Roster) { r.Shifts[0].Turn = time.Minute },
		`away[0].person: "zhao" is nobody`:                    func(r *Roster) { r.Absences[0].Person = "zhao" },
		`away[0].substitute: "li" is nobody else`:             func(r *Roster) { r.Absences[0].Substitute = "li" },
		`away[0].to: "2026-02-30 00:00" is not a time`:        func(r *Roster) { r.Absences[0].To = "2026-02-30 00:00" },
		`away[0].to: 2026-04-01 00:00 is not after 2026-04-0`: func(r *Roster) { r.Absences[0].To = r.Absences[0].From },
	} {
		r := team()
		change(&r)
		if err := r.Validate(roles); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
