import CoordinatorCore
import CoordinatorOperations
import Foundation
import Glibc
import Logging
import Ports
import ServiceLifecycle
import SweepLedger
import SweepModel
import Synchronization

/// How late the coordinator's clock ticks: how long anything here waits for a thread.
final class LagGauge: Sendable {
    private let state = Mutex((newest: 0.0, most: 0.0))

    func note(_ lag: Duration) {
        let seconds = max(0, lag.inSeconds)
        state.withLock { state in
            state.newest = seconds
            state.most = max(state.most, seconds)
        }
    }

    /// The newest one, and the largest since somebody asked last.
    func take() -> (newest: Double, most: Double) {
        state.withLock { state in
            defer { state.most = state.newest }
            return state
        }
    }
}

/// What the coordinator says of itself to those who watch many programs: Prometheus's text format. Labels
/// have few values, whatever people launch: no sweep, job or worker is named.
struct OperatorMetrics: Sendable {
    let engine: CoordinatorEngine
    let gauge: DiskGauge
    let space: @Sendable (String) throws -> DiskSpace
    let webhooks: WebhookFigures
    let lag: LagGauge
    let streams: StreamGate
    let started: WallTime

    static let type = "text/plain; version=0.0.4; charset=utf-8"

    func text() async throws -> String {
        var page = MetricsText()
        let ledger = engine.ledger
        let figures = try await ledger.operatorFigures()
        let begun = engine.time.monotonic()
        try await ledger.writer.perform(NothingToDo())
        let commit = (engine.time.monotonic() - begun).inSeconds
        jobs(figures, &page)
        fleet(&page)
        page.gauge(
            "radiata_ledger_commit_seconds", "What a transaction took just now, waiting for others included.", commit)
        writer(ledger, &page)
        try await disk(ledger, &page)
        try await told(ledger, &page)
        let late = lag.take()
        page.gauge(
            "radiata_clock_lag_seconds",
            "How late the coordinator's clock ticked: the newest tick, and the latest since the last scrape.",
            [("newest", late.newest), ("most", late.most)], label: "tick")
        page.gauge("radiata_page_streams", "Pages that follow what happens.", Double(streams.open))
        process(&page)
        return page.text
    }

    private func jobs(_ figures: OperatorFigures, _ page: inout MetricsText) {
        page.gauge(
            "radiata_jobs", "Jobs by state; one that several sweeps share counts in each.",
            JobState.allCases.map { ($0.rawValue, Double(figures.jobs[$0.rawValue] ?? 0)) }, label: "state")
        page.gauge("radiata_sweeps", "Sweeps.", Double(figures.sweeps))
        page.gauge("radiata_sweeps_stopped", "Sweeps that stopped themselves.", Double(figures.stopped))
        page.gauge("radiata_leases", "Attempts that are open.", Double(figures.leases))
        page.counter("radiata_attempts_total", "Attempts that began.", Double(figures.attempts))
        let now = engine.time.wall().milliseconds
        page.gauge(
            "radiata_queue_wait_seconds", "How long the job that goes next has waited; 0 with none.",
            figures.waitingSince.map { Double(max(0, now - $0)) / 1000 } ?? 0)
    }

    private func fleet(_ page: inout MetricsText) {
        let workers = engine.waitBoard.workers
        let suspended = workers.count { $0.trialIn != nil && !$0.isDraining }
        let draining = workers.count(where: \.isDraining)
        page.gauge(
            "radiata_workers", "Connected workers by what they may have.",
            [
                ("active", Double(workers.count - suspended - draining)), ("draining", Double(draining)),
                ("suspended", Double(suspended)),
            ], label: "state")
        let (slots, busy) = (workers.reduce(0) { $0 + $1.slots }, workers.reduce(0) { $0 + min($1.busy, $1.slots) })
        page.gauge(
            "radiata_slots", "Slots of connected workers.",
            [("busy", Double(busy)), ("free", Double(slots - busy))], label: "state")
        let places = workers.reduce(0) { $0 + $1.offer.devices.count * $1.offer.gpuShare }
        let free = workers.reduce(0) { $0 + $1.freeGPUs.count }
        page.gauge(
            "radiata_gpus", "Places on GPUs of connected workers.",
            [("busy", Double(max(0, places - free))), ("free", Double(free))], label: "state")
    }

    private func writer(_ ledger: Ledger, _ page: inout MetricsText) {
        let figures = ledger.writer.figures
        page.counter("radiata_ledger_transactions_total", "Transactions since the start.", Double(figures.batches))
        page.counter("radiata_ledger_changes_total", "Changes in them.", Double(figures.verbs))
        page.counter(
            "radiata_ledger_checkpoints_total", "How often the log was copied into the file.",
            Double(figures.checkpoints))
    }

    private func disk(_ ledger: Ledger, _ page: inout MetricsText) async throws {
        let (path, folder, space) = (ledger.path, ledger.folder, space)
        let found = try await BlockingWork.run {
            let files = DiskFiles()
            let sizes = try ["": "file", "-wal": "log"].map { suffix, name in
                (name, Double(try files.information(path + suffix)?.size ?? 0))
            }
            return (sizes.sorted { $0.0 < $1.0 }, try space(folder))
        }
        page.gauge("radiata_ledger_bytes", "Size of the ledger and of its log.", found.0, label: "part")
        page.gauge("radiata_disk_free_bytes", "What is left of the data folder's disk.", Double(found.1.free))
        page.gauge("radiata_disk_bytes", "Size of that disk.", Double(found.1.total))
        let level = gauge.level
        page.gauge(
            "radiata_disk_level", "1 for the level that the disk is at; at full no jobs are handed out.",
            [DiskGauge.Level.enough, .low, .full].map { ("\($0)", $0 == level ? 1 : 0) }, label: "level")
    }

    private func told(_ ledger: Ledger, _ page: inout MetricsText) async throws {
        page.counter(
            "radiata_webhook_tries_total", "Tries to hand over a message, by what became of them.",
            [("delivered", Double(webhooks.delivered)), ("failed", Double(webhooks.failed))], label: "result")
        page.counter(
            "radiata_webhook_dropped_total", "Messages that were given up after three days.", Double(webhooks.dropped))
        page.gauge(
            "radiata_webhook_waiting", "Messages that were not taken yet.", Double(try await ledger.waitingWebhooks()))
    }

    private func process(_ page: inout MetricsText) {
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
            page.counter(
                "process_cpu_seconds_total", "User and system CPU time.",
                seconds(usage.ru_utime) + seconds(usage.ru_stime))
        }
        // The second number of statm is the resident pages.
        let memory = FileManager.default.contents(atPath: "/proc/self/statm") ?? Data()
        if let pages = String(decoding: memory, as: UTF8.self).split(separator: " ").dropFirst().first
            .flatMap({ Double($0) })
        {
            let size = Double(sysconf(Int32(_SC_PAGESIZE)))
            page.gauge("process_resident_memory_bytes", "Resident memory.", pages * size)
        }
        page.gauge(
            "process_start_time_seconds", "Start of the process, in seconds since 1970.",
            Double(started.milliseconds) / 1000)
    }
}

/// Lines of Prometheus's text format.
struct MetricsText {
    private(set) var text = ""

    mutating func gauge(_ name: String, _ help: String, _ value: Double) { add(name, help, "gauge", [("", value)], "") }

    mutating func gauge(_ name: String, _ help: String, _ values: [(String, Double)], label: String) {
        add(name, help, "gauge", values, label)
    }

    mutating func counter(_ name: String, _ help: String, _ value: Double) {
        add(name, help, "counter", [("", value)], "")
    }

    mutating func counter(_ name: String, _ help: String, _ values: [(String, Double)], label: String) {
        add(name, help, "counter", values, label)
    }

    /// Names and labels are this program's own, without anything that had to be escaped.
    private mutating func add(
        _ name: String, _ help: String, _ type: String, _ values: [(String, Double)], _ label: String
    ) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for (value, number) in values {
            let labels = label.isEmpty ? "" : "{\(label)=\"\(value)\"}"
            let shown = number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
            text += "\(name)\(labels) \(shown)\n"
        }
    }
}
