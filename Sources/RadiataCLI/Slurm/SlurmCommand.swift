import ArgumentParser
import Foundation
import Ports
import SweepClient
import SweepFile
import SweepModel
import SweepWire

struct SlurmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slurm", abstract: "Run a sweep's workers as jobs of a Slurm cluster.",
        subcommands: [Submit.self])

    struct Submit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Submit an array of workers for a sweep.",
            discussion: """
                SWEEP is the name of a sweep that the coordinator has, or a file, which is launched first. Words that are no options \
                of this command are sbatch's own: --partition gpu --gres=gpu:1 --time 4:00:00.

                Workers end when nothing is left for them. Before their time limit they save their states and give their jobs back, \
                and their tasks are put into the queue again.
                """)

        @Argument(help: "A sweep's name, or a sweep file.")
        var sweep: String

        @Option(help: "How many workers: tasks of the array.")
        var nodes: Int

        @Option(help: "A folder that all nodes see, for scripts, logs and workers' files; ./radiata-SWEEP if left out.")
        var folder: String?

        @Flag(help: "The coordinator is a job too, and keeps its ledger in the folder; SWEEP is a file then.")
        var coordinatorJob = false

        @Option(help: "The program's path on the nodes; this program's own if left out.")
        var program: String?

        @Option(help: "Each worker's own folder, on the nodes; in the shared folder if left out.")
        var work: String?

        @Option(help: "Jobs at the same time of each worker.")
        var slots: Int?

        @Option(help: "What an hour of a worker costs, for budgets.")
        var price: Double?

        @Option(name: .customLong("inputs"), help: "Folder in which workers look for base models and data. Repeatable.")
        var inputs: [String] = []

        @Option(help: "A worker ends after so long without anything to do.")
        var idle: String = "2m"

        @Option(help: "How long before the time limit a worker begins to stop.")
        var margin: TimeLength = TimeLength(.seconds(180))

        @Flag(help: "A task whose time is over is not put into the queue again.")
        var once = false

        @Flag(help: "Print the scripts; submit nothing.")
        var dryRun = false

        @OptionGroup var options: ClientOptions
        @OptionGroup var output: FormatOption

        @Argument(parsing: .allUnrecognized, help: "Options of sbatch.")
        var sbatch: [String] = []

        private struct Answer: Encodable {
            let version = 1
            let sweep: String
            let folder: String
            let workers: String
            let coordinator: String?
        }

        func validate() throws {
            guard (1...100_000).contains(nodes) else { throw ValidationError("--nodes \(nodes): wanted 1 to 100000") }
            guard TimeLength(argument: idle) != nil else { throw ValidationError("--idle \(idle): wanted such as 2m") }
            if let slots, !(1...4096).contains(slots) { throw ValidationError("--slots \(slots): wanted 1 to 4096") }
            if let price, !(price >= 0) { throw ValidationError("--price \(price): wanted 0 or more") }
            if let first = sbatch.first(where: { $0 != "--" }), !first.hasPrefix("-") {
                throw ValidationError("'\(first)': options of sbatch begin with -, as in --partition gpu")
            }
            for word in sbatch where word.contains(where: \.isNewline) {
                throw ValidationError("options of sbatch may have no line breaks")
            }
        }

        func run() async throws {
            let file = FileManager.default.fileExists(atPath: sweep) ? sweep : nil
            if coordinatorJob, file == nil {
                throw CommandFailure(
                    .notFound, "\(sweep): no such file; with --coordinator-job the sweep's file is needed")
            }
            var job = try self.job(file)
            if dryRun {
                if let coordinator = job.coordinatorScript { Console.out(coordinator) }
                Console.out(job.workerScript)
                return
            }
            try DiskFiles().makeFolder(job.folder, mode: 0o700)
            var coordinator: String?
            if let script = job.coordinatorScript {
                coordinator = try submit(script, to: job.folder + "/coordinator.sbatch")
            } else {
                let client = try options.client()
                job.name = try await ready(client, file)
                try await join(client, job)
            }
            let workers = try submit(job.workerScript, to: job.folder + "/workers.sbatch")
            report(job, workers, coordinator)
        }

        private func job(_ file: String?) throws -> SlurmJob {
            let name = try file.map { try SweepFileReader(digest: .lookedUp).read($0).plan.name.text } ?? sweep
            let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            var job = SlurmJob(
                name: name, workers: nodes, folder: Paths.expanded(folder ?? "radiata-\(name)"),
                program: program ?? own)
            job.options = sbatch.filter { $0 != "--" }
            job.work = work
            job.idle = idle
            job.margin = max(1, Int(margin.duration.inSeconds))
            job.requeues = !once
            job.sweepFile = coordinatorJob ? file.map(Paths.expanded) : nil
            job.workerOptions =
                (slots.map { ["--slots", "\($0)"] } ?? []) + (price.map { ["--price", "\($0)"] } ?? [])
                + inputs.flatMap { ["--inputs", Paths.expanded($0)] }
            return job
        }

        /// The sweep at the coordinator, launched where it is a file.
        private func ready(_ client: SweepClient, _ file: String?) async throws -> String {
            guard let file else {
                _ = try await client.call(.status, SweepRequest(sweep: sweep))
                return sweep
            }
            let launcher = SweepLauncher(client: client)
            let launched = try await launcher.launch(file: file)
            Console.note("\(launched.sweep): \(launched.jobs) jobs (\(launched.added) added)")
            return launched.sweep
        }

        /// The workers' way in: they share one token, in a file that only their user can read.
        private func join(_ client: SweepClient, _ job: SlurmJob) async throws {
            if let known = try? JoinFile.read(job.joinFile), known.isEnrolled == true { return }  // made before
            let (invitation, answer) = try await InviteCommand.make(
                client, lifetime: .seconds(600), note: "slurm \(job.name)")
            if answer.isLoopback {
                Console.note(
                    "warning: the coordinator listens on this machine alone; other nodes reach it only with --listen 0.0.0.0:PORT, "
                        + "or as a job: --coordinator-job")
            }
            _ = try await Joining(invitation, name: "slurm").join(nil) { try $0.write(to: job.joinFile) }
        }

        private func submit(_ script: String, to path: String) throws -> String {
            try DiskFiles().writeAtomically(Array(script.utf8), to: path, mode: 0o700)
            let ended: ProgramRun.Ended
            do {
                ended = try ProgramRun.run("sbatch", ["--parsable", path])
            } catch is ProgramRun.NotFound {
                throw CommandFailure(
                    .failed, "sbatch is not here: run this where jobs are submitted; the script is \(path)")
            }
            guard ended.status == 0, let id = ended.output.split(whereSeparator: { $0 == "\n" || $0 == ";" }).first
            else {
                throw CommandFailure(.failed, "sbatch refused \(path): \(ended.messages)")
            }
            return String(id)
        }

        private func report(_ job: SlurmJob, _ workers: String, _ coordinator: String?) {
            if output.format == .json {
                do {
                    Console.out(
                        try JSONText.encode(
                            Answer(sweep: job.name, folder: job.folder, workers: workers, coordinator: coordinator)))
                } catch {
                    Console.note("\(error)")
                }
                return
            }
            if let coordinator { Console.out("coordinator: job \(coordinator)") }
            Console.out("workers: job \(workers), \(job.workers) tasks")
            Console.note("logs and scripts: \(job.folder)")
            if coordinator != nil {
                Console.note(
                    "watch: radiata status --watch --join-file \(job.joinFile) --token-file \(job.adminToken)")
            } else {
                Console.note("watch: radiata status \(job.name) --watch")
            }
        }
    }
}
