// SPDX-License-Identifier: Apache-2.0
// Four functions that take 40, 30, 20 and 10 hundredths of the time.
public class Shares {
    static long sink;

    static long turn(long seed) {
        for (int i = 0; i < 1000; ++i) {
            seed = seed * 31 + i;
        }
        return seed;
    }

    static void turns(int count) {
        for (int i = 0; i < count; ++i) {
            sink ^= turn(i);
        }
    }

    static void forty() {
        turns(40);
    }

    static void thirty() {
        turns(30);
    }

    static void twenty() {
        turns(20);
    }

    static void ten() {
        turns(10);
    }

    public static void main(String[] arguments) {
        for (;;) {
            forty();
            thirty();
            twenty();
            ten();
        }
    }
}
