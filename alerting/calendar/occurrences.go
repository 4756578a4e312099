package calendar

import "time"

// Occurrences reads an iCalendar file as plain events, whatever their
// categories say, and lays out those that touch the time from until to: for
// rotas, which are kept in calendars too. home is the zone of local times. A
// mistake is a *yamlfile.Error with file and line.
func Occurrences(name string, b []byte, home *time.Location, from, to time.Time) ([]Event, error) {
	doc, err := readICS(name, b, Config{Unmarked: Opening}, home)
	if err != nil {
		return nil, err
	}
	return doc.lay(window{from, to})
}
