import ClusterSimulator
import Foundation

// Hashing must not differ from run to run: the order of a dictionary may show in the order of events.
if getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
    perror("radiata-simulate: cannot start itself again")
    exit(1)
}
exit(SimulateCommand(Array(CommandLine.arguments.dropFirst())).run())
