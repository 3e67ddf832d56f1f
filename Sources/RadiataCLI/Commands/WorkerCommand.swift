import ArgumentParser
import Foundation
import Logging
import Ports
import Worker

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "A worker: pulls jobs, runs trainers, reports.", subcommands: [Run.self])

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take jobs from a coordinator until stopped.",
            discussion: """
                SIGTERM or Ctrl-C stops politely: trainers save their state, attempts go back to the coordinator. A second one stops \
                at once; nothing is lost either way.
                """)

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
        @Option(help: "Name for people; the host's if left out.")
        var name: String?
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
            for label in labels where label.split(separator: "=", maxSplits: 1).count != 2 {
                throw ValidationError("--label \(label): wanted k=v")
            }
        }

        func run() async throws {
            LogOutput.bootstrap()
            let pairs = labels.map { label in
                let parts = label.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts[1])
            }
            let folder = work.map(Paths.expanded) ?? Paths.folders.cache + "/worker"
            try UsableFolder.prepare(folder, option: "--work", what: "the worker's files")
            let choice = GPUChoice(gpus) ?? .all
            let logger = Logger(label: "radiata.worker")
            let devices = try GPUDiscovery().devices(choice) { logger.warning("\($0)") }
            let configuration = WorkerConfiguration(
                client: try options.configuration(), name: name, slots: slots ?? max(1, devices.count * gpuShare),
                threads: threads, labels: Dictionary(pairs) { _, last in last }, gpus: devices, gpuShare: gpuShare,
                hidesGPUs: choice == .none, inputs: inputs.map(Paths.expanded),
                work: folder, version: ProgramVersion.number)
            try await WorkerDaemon(configuration: configuration).run()
        }
    }
}
