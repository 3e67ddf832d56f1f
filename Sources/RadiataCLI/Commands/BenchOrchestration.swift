import ArgumentParser

/// Measurements of the orchestrating half. Each starts a coordinator of its own in a temporary folder.
extension BenchCommand {
    struct Place: ParsableArguments {
        @Option(help: "Folder on the disk to measure; the system's temporary folder if left out.")
        var place: String?
        @OptionGroup var output: FormatOption

        func print(_ report: some Encodable, _ line: String) throws {
            Console.out(output.format == .table ? line : try JSONText.encode(report))
        }
    }

    private static func number(_ value: Double) -> String { TextTable.Cell.formatted((value * 100).rounded() / 100) }

    struct Jobs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "No-op jobs a second through claim and finish, every answer synced to disk.")
        @Option(help: "How many jobs.")
        var jobs = 5000
        @Option(help: "Simulated workers, one slot each.")
        var workers = 16
        @OptionGroup var place: Place

        func validate() throws {
            guard jobs > 0, workers > 0 else { throw ValidationError("--jobs and --workers: wanted at least 1") }
        }

        func run() async throws {
            let report = try await BenchCoordinator.with(place: place.place) {
                try await BenchJobs(jobs: jobs, workers: workers).run($0)
            }
            try place.print(
                report,
                "\(number(report.cyclesPerSecond)) jobs/s · \(report.workers) workers · lease p50 "
                    + "\(number(report.leaseP50)) ms, p99 \(number(report.leaseP99)) ms · of a core: coordinator "
                    + "\(number(report.coordinatorPercent)) %, this program \(number(report.clientPercent)) %")
        }
    }

    struct Processes: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Jobs a second through a real worker that starts a process for each, beside bare posix_spawn.")
        @Option(help: "How many jobs.")
        var jobs = 200
        @Option(help: "Slots of the worker.")
        var slots = 4
        @OptionGroup var place: Place

        func validate() throws {
            guard jobs > 0, slots > 0 else { throw ValidationError("--jobs and --slots: wanted at least 1") }
        }

        func run() async throws {
            let report = try await BenchCoordinator.with(place: place.place) {
                try await BenchProcesses(jobs: jobs, slots: slots).run($0)
            }
            let share = (report.jobsPerSecond / report.barePerSecond * 100).rounded()
            try place.print(
                report,
                "\(number(report.jobsPerSecond)) jobs/s · \(report.slots) slots · \(Int(share)) % of bare posix_spawn "
                    + "(\(number(report.barePerSecond))/s)")
        }
    }

    struct Metrics: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Metric points a second into the ledger.")
        @Option(help: "How many points.")
        var points = 1_000_000
        @Option(help: "Attempts that report at the same time.")
        var streams = 8
        @Option(help: "Points of one request.")
        var batch = 4000
        @OptionGroup var place: Place

        func validate() throws {
            guard streams > 0, points >= streams, (1...100_000).contains(batch) else {
                throw ValidationError("--points, --streams, --batch: wanted points ≥ streams ≥ 1, batch 1 to 100000")
            }
        }

        func run() async throws {
            let report = try await BenchCoordinator.with(place: place.place) {
                try await BenchMetrics(points: points, streams: streams, batch: batch).run($0)
            }
            try place.print(report, "\(number(report.pointsPerSecond)) points/s · \(report.streams) streams")
        }
    }

    struct Ledger: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A large ledger: launch, ranking, a page of jobs, a curve, a restart, bytes a point.")
        @Option(help: "How many jobs.")
        var jobs = 10_000
        @Option(help: "How many metric points, spread over those with a curve.")
        var points = 1_000_000
        @Option(help: "How many jobs have a result, at least 200 and those with a curve.")
        var results = 200
        @Option(help: "How many jobs have a curve, at least 200.")
        var curves = 200
        @Option(help: "A folder that keeps the ledger: made if it is not there, else measured as it is.")
        var keep: String?
        @OptionGroup var place: Place

        func validate() throws {
            guard jobs > 0, points > 0, results > 0, curves > 0 else {
                throw ValidationError("--jobs, --points, --results and --curves: wanted at least 1")
            }
        }

        func run() async throws {
            let report = try await BenchCoordinator.with(place: place.place, kept: keep) {
                try await BenchLedger(jobs: jobs, points: points, results: results, curves: curves).run($0)
            }
            let made = report.made.map {
                """
                 launched in \(number($0.launchSeconds)) s, first lease after \(number($0.leaseSeconds)) s, \
                \(number($0.bytesPerPoint)) bytes a point
                """
            }
            try place.print(
                report,
                """
                \(report.jobs) jobs, \(report.points) points, \(report.results) results\(made ?? "") · \
                start \(number(report.startSeconds)) s · coordinator \(number(report.residentMegabytes)) MB
                at first: \(Self.text(report.first))
                at rest, \(number(report.settledSeconds)) s later: \(Self.text(report.settled))
                """)
        }

        private static func text(_ calls: BenchLedger.Calls) -> String {
            """
            top \(number(calls.top)) ms, by the rule \(number(calls.rule)) ms · status \(number(calls.status)) ms · \
            page \(number(calls.page)) ms, of no jobs \(number(calls.emptyPage)) ms · curve \(number(calls.curve)) ms
            """
        }
    }

    struct Idle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Workers that wait: memory and CPU of the coordinator, and how soon all have work.")
        @Option(help: "Simulated workers.")
        var workers = 1000
        @Option(help: "Seconds to look at the CPU.")
        var seconds = 20.0
        @OptionGroup var place: Place

        func validate() throws {
            guard workers > 0, seconds > 0, seconds <= 86_400 else {
                throw ValidationError("--workers: wanted above 0; --seconds: wanted above 0, at most a day")
            }
        }

        func run() async throws {
            let report = try await BenchCoordinator.with(place: place.place) {
                try await BenchIdle(workers: workers, seconds: seconds).run($0)
            }
            try place.print(
                report,
                "\(report.workers) waiting workers: \(number(report.residentMegabytes)) MB, \(number(report.cpuPercent)) % CPU · "
                    + "all leased \(number(report.allLeasedSeconds)) s after a launch, "
                    + "\(number(report.restartSeconds)) s after a restart and a launch")
        }
    }
}
