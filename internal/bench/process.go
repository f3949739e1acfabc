package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticksPerSecond is USER_HZ, which Linux fixes for /proc at 100.
const ticksPerSecond = 100

// The fields of /proc/PID/stat after the name in brackets (proc(5)), counted from 0: own time, and that of children that ended.
const (
	ownTime   = 11
	endedTime = 13
	timesEnd  = 15
)

// processorTime is the user and system time of a process and its threads.
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return ticks(stat, endedTime)
}

// processorTimeOf is that of all processes of a name, with those that ended meanwhile, which their parent counts.
func processorTimeOf(name string) (total time.Duration, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it ended since it was listed
		}
		if err != nil {
			return 0, err
		}
		if nameOf(stat) != name {
			continue
		}
		used, err := ticks(stat, timesEnd)
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}

func nameOf(stat []byte) string {
	begin, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if begin < 0 || end < begin {
		return ""
	}
	return string(stat[begin+1 : end])
}

// ticks sums stat's times from its own up to a field.
func ticks(stat []byte, to int) (time.Duration, error) {
	end := bytes.LastIndexByte(stat, ')') // the name may hold spaces and brackets
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < to {
		return 0, fmt.Errorf("not what /proc/PID/stat holds: %.100q", stat)
	}
	var sum int64
	for _, field := range fields[ownTime:to] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticksPerSecond, nil
}

// residentMemory is a process's VmRSS in bytes.
func residentMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in /proc/%d/status", pid)
}

// machine says what the figures were measured on.
func machine() string {
	name := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo") // where there is none, the architecture must do
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			name = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s, %d processors", name, runtime.NumCPU())
}
