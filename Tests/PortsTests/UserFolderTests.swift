import Ports
import TestSupport
import Testing

@Suite("A user's folders")
struct UserFolderTests {
    @Test("HOME comes from the environment, in every default")
    func home() {
        let folders = UserFolders(environment: ["HOME": "/scratch/me/"])
        #expect(folders.home == "/scratch/me")
        #expect(folders.data == "/scratch/me/.local/share/radiata")
        #expect(folders.cache == "/scratch/me/.cache/radiata")
        #expect(folders.state == "/scratch/me/.local/state/radiata")
        #expect(
            folders.absolutePath("~/x", in: "/w") == "/scratch/me/x"
                && folders.absolutePath("~", in: "/w") == "/scratch/me")
        #expect(folders.absolutePath("a/b", in: "/w") == "/w/a/b" && folders.absolutePath("/a", in: "/w") == "/a")
        #expect(folders.absolutePath("~no-such-user-here/x", in: "/w") == "/w/~no-such-user-here/x")
    }

    @Test("the XDG variables move data, cache and state; relative ones are ignored, as their specification says")
    func xdg() {
        let folders = UserFolders(environment: [
            "HOME": "/h", "XDG_DATA_HOME": "/d", "XDG_CACHE_HOME": "/c/", "XDG_STATE_HOME": "s",
        ])
        #expect(
            folders.data == "/d/radiata" && folders.cache == "/c/radiata" && folders.state == "/h/.local/state/radiata")
    }

    @Test(
        "without HOME, or with one that is no path, the system's entry counts",
        arguments: [[:], ["HOME": ""], ["HOME": "x"]])
    func system(environment: [String: String]) {
        let home = UserFolders(environment: environment).home
        #expect(home.hasPrefix("/") && !home.hasSuffix("/x"))
    }

    @Test("a folder that cannot be made is an error, not an endless search for its parents")
    func impossibleFolder() {
        for path in ["/proc/radiata-test/a/b", "/dev/null/a", "/sys/radiata-test"] {
            let error = #expect(throws: PortsError.self) { try DiskFiles().makeFolder(path) }
            #expect(error?.message.contains("/") == true)
        }
    }
}
