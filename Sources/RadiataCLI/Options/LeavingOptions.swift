import ArgumentParser
package import Foundation
import Worker

/// When a worker goes by itself.
struct LeavingOptions: ParsableArguments {
    @Option(help: "End after so long without anything to do or to hand in: 10m, 90s, 1h.")
    var exitWhenIdle: TimeLength?

    @Option(
        help: """
            The machine is there for so long (4h): before its end trainers save their state, and what was made is handed in.
            """)
    var stopAfter: TimeLength?

    @Option(
        help: """
            The same as a time: 18:30 (today or tomorrow), 2026-12-01T18:30 (this machine's zone) or seconds since 1970 \
            (as in SLURM_JOB_END_TIME).
            """)
    var stopAt: String?

    @Option(help: "How long before that end the worker begins to stop; a tenth of the time where that is less.")
    var stopMargin: TimeLength = TimeLength(.seconds(120))

    @Option(help: "How long a stopping worker goes on trying to hand in what it has.")
    var farewell: TimeLength = TimeLength(.seconds(15))

    func validate() throws {
        if stopAfter != nil, stopAt != nil {
            throw ValidationError("--stop-after and --stop-at: give only one of them")
        }
        if let stopAt, StopTime.date(stopAt, now: Date()) == nil {
            throw ValidationError(
                "--stop-at \(stopAt): wanted a time such as 18:30, 2026-12-01T18:30 or seconds since 1970")
        }
        if let stopAfter, stopAfter.duration < .seconds(1) {
            throw ValidationError("--stop-after: wanted at least a second, such as 4h or 90m")
        }
    }

    /// - Parameters:
    ///   - start: of the worker, which may have been another build's.
    ///   - now: from when the times of the result count.
    func leaving(from start: Date, now: Date = Date()) throws -> WorkerLeaving {
        let past = Duration.milliseconds(Int64(max(0, min(now.timeIntervalSince(start), 3.2e8)) * 1000))
        var leaving = WorkerLeaving()
        leaving.whenIdle = exitWhenIdle?.duration
        leaving.margin = stopMargin.duration
        leaving.farewell = farewell.duration
        leaving.after = stopAfter.map { max(.seconds(1), $0.duration - past) }
        if let stopAt, let end = StopTime.date(stopAt, now: start) {
            let seconds = end.timeIntervalSince(now)
            guard seconds >= 1 else {
                throw CommandFailure(.usage, "--stop-at \(stopAt): that time is over; give a later one")
            }
            leaving.after = .milliseconds(Int64(min(seconds, 3.2e8) * 1000))
        }
        return leaving
    }
}

/// A time as people and batch systems write it.
package enum StopTime {
    /// - Parameter now: a time of day means the next one after it.
    package static func date(_ text: String, now: Date, zone: TimeZone = .current) -> Date? {
        if let seconds = Double(text), seconds >= 1e9, seconds < 1e11 { return Date(timeIntervalSince1970: seconds) }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        if let (hour, minute) = clock(text[...]) {
            let wanted = DateComponents(hour: hour, minute: minute, second: 0)
            return calendar.nextDate(after: now, matching: wanted, matchingPolicy: .nextTime)
        }
        let parts = text.split(whereSeparator: { $0 == "T" || $0 == " " })
        guard parts.count == 2, let (hour, minute) = clock(parts[1].prefix(5)) else { return nil }
        let day = parts[0].split(separator: "-").compactMap { Int($0) }
        guard day.count == 3, (1...12).contains(day[1]), (1...31).contains(day[2]) else { return nil }
        return calendar.date(
            from: DateComponents(year: day[0], month: day[1], day: day[2], hour: hour, minute: minute))
    }

    private static func clock(_ text: Substring) -> (Int, Int)? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.count == 2, let hour = Int(parts[0]), let minute = Int(parts[1]),
            (0...23).contains(hour), (0...59).contains(minute)
        else { return nil }
        return (hour, minute)
    }
}
