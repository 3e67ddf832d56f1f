import ArgumentParser
import Foundation
import Logging
import Ports
import SweepClient
import SweepModel
import SweepWire
import Worker

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "A worker: pulls jobs, runs trainers, reports.",
        subcommands: [Run.self, Join.self])

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take jobs from a coordinator until stopped.",
            discussion: """
                With an invitation (`radiata invite` on the coordinator's machine prints one) the worker joins that coordinator, once; \
                its later starts need neither invitation nor options.

                SIGTERM or Ctrl-C stops politely: trainers save their state, attempts go back to the coordinator. A second one stops \
                at once; nothing is lost either way.
                """)

        @Argument(help: "The invitation, or - to read it from standard input (RADIATA_INVITE holds one too).")
        var invite: String?
        @Option(help: "Jobs at the same time; one for each GPU, or 1 without GPUs, if left out.")
        var slots: Int?
        @Option(
            help: """
                GPUs to use: all, none, or a list such as 0,2 in the order of PCI addresses (as nvidia-smi lists them). Those \
                that the worker itself may see (CUDA_VISIBLE_DEVICES) if left out.
                """)
        var gpus = "all"
        @Option(help: "Attempts that may use one GPU at the same time.")
        var gpuShare = 1
        @Option(help: "Threads of one trainer; cores / slots if left out.")
        var threads: Int?
        @Option(name: .customLong("label"), help: "k=v, for sweeps that require it. Repeatable.")
        var labels: [String] = []
        @Option(
            name: .customLong("inputs"), help: "Folder in which base models and data sets are looked for. Repeatable.")
        var inputs: [String] = []
        @Option(
            help:
                "The worker's own folder: identity, cache, attempts; ~/.cache/radiata/worker if left out ($XDG_CACHE_HOME)."
        )
        var work: String?
        @Option(
            help: """
                Folder for what is fetched, which several workers of this machine may share: each file is fetched once. The \
                work folder's own if left out.
                """)
        var cache: String?
        @Flag(
            help: """
                Take the coordinator's build when it is another one: fetched by its SHA-256 into the work folder, tried, and put \
                in place of this process when its jobs are given back.
                """)
        var selfUpdate = false
        @Option(help: "Name for people; the host's if left out.")
        var name: String?
        @Option(help: "What an hour of this machine costs, for budgets; the same as --label price=N.")
        var price: Double?
        @OptionGroup var leaving: LeavingOptions
        @OptionGroup var options: ClientOptions

        func validate() throws {
            if let slots, !(1...4096).contains(slots) { throw ValidationError("--slots \(slots): wanted 1 to 4096") }
            guard GPUChoice(gpus) != nil else {
                throw ValidationError("--gpus \(gpus): wanted all, none, or a list such as 0,2 without repeats")
            }
            guard (1...64).contains(gpuShare) else {
                throw ValidationError("--gpu-share \(gpuShare): wanted 1 to 64")
            }
            if let threads, threads < 1 { throw ValidationError("--threads \(threads): wanted at least 1") }
            if let price, !(price >= 0 && price <= 1e9) {
                throw ValidationError("--price \(price): wanted 0 or more")
            }
            if options.joinFile != nil, invite != nil {
                throw ValidationError("an invitation and --join-file: give only one of them")
            }
            for label in labels where label.split(separator: "=", maxSplits: 1).count != 2 {
                throw ValidationError("--label \(label): wanted k=v")
            }
        }

        func run() async throws {
            LogOutput.bootstrap()
            let environment = ProcessInfo.processInfo.environment
            let start = SelfUpdate.firstStart(environment) ?? Date()
            let priced = price.map { ["\(PriceLabel.name)=\($0)"] } ?? []
            let pairs = (priced + labels).map { label in
                let parts = label.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts[1])
            }
            let folder = work.map(Paths.expanded) ?? Paths.folders.cache + "/worker"
            try UsableFolder.prepare(folder, option: "--work", what: "the worker's files")
            let choice = GPUChoice(gpus) ?? .all
            let logger = Logger(label: "radiata.worker")
            let devices = try GPUDiscovery().devices(choice) { logger.warning("\($0)") }
            let opened = try WorkFolder.open(folder, random: SystemRandom())
            let join = WorkerJoin(invite: invite, name: name, options: options, logger: logger)
            var configuration = WorkerConfiguration(
                client: try await join.configuration(opened), name: name,
                slots: slots ?? max(1, devices.count * gpuShare),
                threads: threads, labels: Dictionary(pairs) { _, last in last }, gpus: devices, gpuShare: gpuShare,
                hidesGPUs: choice == .none, inputs: inputs.map(Paths.expanded),
                work: folder, version: ProgramVersion.text)
            configuration.folder = opened
            configuration.leaving = try leaving.leaving(from: start)
            if let cache {
                let shared = Paths.expanded(cache)
                try UsableFolder.prepare(shared, option: "--cache", what: "what is fetched")
                configuration.cache = shared
            }
            if selfUpdate {
                configuration.update = SelfUpdate(work: opened, version: ProgramVersion.text, logger: logger)
            }
            let stop = StopSignal()
            do {
                try await WorkerDaemon(configuration: configuration, stop: stop).run()
            } catch let error as ClientError where error.code == .refused(.unauthorized) && join.isInvited(opened) {
                throw CommandFailure(
                    .failed,
                    "\(error.answer?.message ?? error.message): the coordinator has forgotten this worker, or its token was revoked; "
                        + "get a new invitation there with `radiata invite`, and start `radiata worker run INVITATION`")
            }
            // Who was told to stop stops.
            guard let update = configuration.update, update.isReady, !stop.isRequested else { return }
            // An invitation was accepted by now, and one from standard input is not there twice.
            let arguments = CommandLine.arguments.dropFirst().filter { $0 != invite }
            try update.become(Array(arguments), started: start)
        }
    }

    struct Join: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Accept an invitation and keep it in the work folder; `radiata worker run` needs none then.")

        @Argument(help: "The invitation, or - to read it from standard input.")
        var invite: String
        @Option(help: "The worker's own folder; ~/.cache/radiata/worker if left out ($XDG_CACHE_HOME).")
        var work: String?
        @Option(help: "Name for people; the host's if left out.")
        var name: String?

        func run() async throws {
            let folder = work.map(Paths.expanded) ?? Paths.folders.cache + "/worker"
            try UsableFolder.prepare(folder, option: "--work", what: "the worker's files")
            let opened = try WorkFolder.open(folder, random: SystemRandom())
            let join = WorkerJoin(
                invite: invite, name: name, options: try ClientOptions.parse([]),
                logger: Logger(label: "radiata.worker"))
            _ = try await join.configuration(opened)
            Console.out("joined; start it with: radiata worker run --work \(opened.path)")
        }
    }
}
