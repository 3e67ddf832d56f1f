/// Command profiles that come with the program: the files of `worker/profiles`, which a test holds against these copies.
enum EmbeddedProfiles {
    static let all: [String: String] = [:]
}
