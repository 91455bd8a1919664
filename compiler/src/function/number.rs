//! Functions of numbers. What has no result as a number, such as the root of -1, is NULL, as a division by zero is.

use super::*;

functions! { Number:
    Scalar "abs" [] ("x" Number) 1..1, First, "the absolute value", "abs(-2)";
    Scalar "sign" ["signum"] ("x" Number) 1..1, First, "-1, 0 or 1", "sign(-2)";
    Scalar "round" [] ("x" Number, "places" Int) 1..2, First, "rounded half away from zero, to so many places", "round(2.345, 2)";
    Scalar "floor" [] ("x" Number) 1..1, First, "the greatest whole number not above", "floor(2.7)";
    Scalar "ceil" ["ceiling"] ("x" Number) 1..1, First, "the least whole number not below", "ceil(2.1)";
    Scalar "trunc" ["truncate"] ("x" Number, "places" Int) 1..2, First, "digits after so many places cut off", "trunc(2.789, 1)";
    Scalar "mod" [] ("x" Number, "y" Number) 2..2, Common, "the rest of a division, with the sign of x", "mod(7, 3)";
    Scalar "div" ["intdiv"] ("x" Int, "y" Int) 2..2, Int, "the whole part of a division", "div(7, 2)";
    Scalar "gcd" [] ("a" Int, "b" Int) 2..2, Int, "the greatest common divisor", "gcd(12, 18)";
    Scalar "lcm" [] ("a" Int, "b" Int) 2..2, Int, "the least common multiple", "lcm(4, 6)";
    Scalar "sqrt" [] ("x" Double) 1..1, Double, "the square root", "sqrt(9)";
    Scalar "cbrt" [] ("x" Double) 1..1, Double, "the cube root", "cbrt(27)";
    Scalar "power" ["pow"] ("x" Double, "y" Double) 2..2, Double, "x to the power of y", "power(2, 10)";
    Scalar "exp" [] ("x" Double) 1..1, Double, "e to the power of x", "exp(0)";
    Scalar "ln" [] ("x" Double) 1..1, Double, "the natural logarithm", "ln(1)";
    Scalar "log10" [] ("x" Double) 1..1, Double, "the decimal logarithm", "log10(1000)";
    Scalar "log2" [] ("x" Double) 1..1, Double, "the binary logarithm", "log2(8)";
    Scalar "log" [] ("base" Double, "x" Double) 2..2, Double, "the logarithm of x to a base", "log(10, 100)";
    Scalar "pi" [] () 0..0, Double, "3.14159…", "pi()";
    Scalar "sin" [] ("radians" Double) 1..1, Double, "the sine", "sin(0)";
    Scalar "cos" [] ("radians" Double) 1..1, Double, "the cosine", "cos(0)";
    Scalar "tan" [] ("radians" Double) 1..1, Double, "the tangent", "tan(0)";
    Scalar "cot" [] ("radians" Double) 1..1, Double, "the cotangent", "cot(pi() / 4)";
    Scalar "asin" [] ("x" Double) 1..1, Double, "the angle of a sine", "asin(0)";
    Scalar "acos" [] ("x" Double) 1..1, Double, "the angle of a cosine", "acos(1)";
    Scalar "atan" [] ("x" Double) 1..1, Double, "the angle of a tangent", "atan(0)";
    Scalar "atan2" [] ("y" Double, "x" Double) 2..2, Double, "the angle to the point (x, y)", "atan2(0, 1)";
    Scalar "degrees" [] ("radians" Double) 1..1, Double, "radians as degrees", "degrees(pi())";
    Scalar "radians" [] ("degrees" Double) 1..1, Double, "degrees as radians", "radians(180)";
    Scalar "width_bucket" [] ("x" Double, "low" Double, "high" Double, "count" Int) 4..4, Int, "the number (from 1) of the equal bin that holds x; 0 below low, count + 1 from high on", "width_bucket(35, 0, 100, 10)";
}
